//! Why a template can't be read.

/// Why a template can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// It is not valid YAML.
    #[error("the template is no YAML: {0}")]
    Yaml(String),
    /// It refers to something that does not exist.
    #[error(
        "the template refers to `{0}`, which is no parameter, mapping, condition or resource of it"
    )]
    Unknown(String),
    /// It uses something that is not supported.
    #[error("the template holds what is not understood: {0}")]
    NotUnderstood(String),
}
