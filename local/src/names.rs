//! What the parts are called where they are deployed. Alarms and dashboards know them by these names.

/// The load balancer, as CloudWatch names it.
pub const LOAD_BALANCER: &str = "app/picus-alb/0123456789abcdef";
/// The service's target group, as CloudWatch names it.
pub const SERVICE_GROUP: &str = "targetgroup/picus-ecs-tg/0123456789abcdef";
/// The delete handler's.
pub const FUNCTION_GROUP: &str = "targetgroup/picus-lambda-tg/0123456789abcdef";
/// The delete handler.
pub const FUNCTION: &str = "picus-delete-function";
/// The cluster of the service's tasks.
pub const CLUSTER: &str = "picus-cluster";
/// The service.
pub const SERVICE: &str = "picus-service";
