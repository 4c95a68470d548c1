# shellcheck shell=bash
# How a stack is changed: a change set is made, shown and executed, and what happens is told as it
# happens. For the scripts beside this file to source.

fail() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }
misused() { printf '%s: %s; see %s --help\n' "${0##*/}" "$*" "$0" >&2; exit 64; }
need() { [ -n "${2:-}" ] || misused "$1 needs a value"; }
say() { printf '%s\n' "$*"; }

export AWS_DEFAULT_REGION=${AWS_REGION:-${AWS_DEFAULT_REGION:-eu-central-1}} AWS_PAGER=''
command -v aws >/dev/null || fail 'the AWS CLI is not installed'
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cf() { aws cloudformation "$@"; }
account() { aws sts get-caller-identity --query Account --output text 2>/dev/null || fail 'there are no valid AWS credentials'; }
artifacts() {
  local id
  id=$(account) && printf 'picus-artifacts-%s-%s' "$id" "$AWS_DEFAULT_REGION"
}
output() { cf describe-stacks --stack-name picus --query "Stacks[0].Outputs[?OutputKey=='$1'].OutputValue" --output text 2>/dev/null || true; }

# The tasks that scaling has chosen: a deployment keeps their number.
tasks() {
  local count
  count=$(aws ecs describe-services --cluster picus-cluster --services picus-service --output text \
    --query "services[?status=='ACTIVE'].desiredCount" 2>/dev/null) || true
  say "${count:-2}"
}

has_image() { # has_image TAG
  aws ecr describe-images --repository-name picus-service --image-ids "imageTag=$1" --output text \
    --query 'imageDetails[0].imageDigest' 2>/dev/null | grep -q '^sha256:'
}

# parameter NAME VALUE: as create-change-set takes it.
parameter() { printf 'ParameterKey=%s,ParameterValue="%s"\n' "$1" "$2"; }

now() { date -u +%Y-%m-%dT%H:%M:%SZ; }

# status STACK: its status, or NONE.
status() {
  local answer
  if answer=$(cf describe-stacks --stack-name "$1" --query 'Stacks[0].StackStatus' --output text 2>&1); then
    say "$answer"
  elif [[ $answer == *'does not exist'* ]]; then
    say NONE
  else
    fail "$answer"
  fi
}

events() {
  cf describe-stack-events --stack-name "$1" --max-items 200 --output text \
    --query 'StackEvents[].[EventId,LogicalResourceId,ResourceStatus,ResourceStatusReason]' 2>/dev/null |
    awk -F'\t' 'NF > 2 { line[++n] = $0 } END { while (n) print line[n--] }'
}

# follow STACK: tells what gets done or fails until it rests; then $rests is its status.
follow() {
  while :; do
    rests=$(status "$1")
    events "$1" | grep -vFf "$work/told" >"$work/new" || true
    cut -f1 "$work/new" >>"$work/told"
    awk -F'\t' '$3 !~ /_IN_PROGRESS$/ || ($4 != "" && $4 != "None") { printf "  %-28s %s%s\n", $2, $3, ($4 == "None" || $4 == "" ? "" : ": " $4) }' "$work/new"
    [[ $rests == *_IN_PROGRESS ]] || return 0
    sleep 3
  done
}

# remove STACK
remove() {
  local id
  id=$(cf describe-stacks --stack-name "$1" --query 'Stacks[0].StackId' --output text)
  events "$id" | cut -f1 >"$work/told"
  cf delete-stack --stack-name "$1"
  follow "$id"
  [[ $rests == DELETE_COMPLETE || $rests == NONE ]] || fail "stack $1 is $rests"
}

# change STACK ARGUMENT…: makes a change set with these arguments of create-change-set, shows it and
# executes it. With $show_only it stops before that.
change() {
  local stack=$1 type=UPDATE set state
  shift
  state=$(status "$stack")
  case $state in
    NONE | REVIEW_IN_PROGRESS) type=CREATE ;;
    # Its first deployment failed: nothing is in it, and nothing else can be done with it.
    ROLLBACK_COMPLETE) remove "$stack" && type=CREATE ;;
    *_COMPLETE) ;;
    *) fail "stack $stack is $state: wait for it, or mend it in the console" ;;
  esac
  set=change-$(date -u +%Y%m%d%H%M%S)
  cf create-change-set --stack-name "$stack" --change-set-name "$set" --change-set-type "$type" \
    --capabilities CAPABILITY_NAMED_IAM CAPABILITY_AUTO_EXPAND --import-existing-resources \
    --tags Key=project,Value=picus "$@" >/dev/null
  while :; do
    state=$(cf describe-change-set --stack-name "$stack" --change-set-name "$set" --query '[Status,StatusReason]' --output text)
    case $state in
      CREATE_COMPLETE*) break ;;
      FAILED*"didn't contain changes"* | FAILED*'No updates'*)
        say "stack $stack has nothing to change"
        cf delete-change-set --stack-name "$stack" --change-set-name "$set"
        return
        ;;
      FAILED*) fail "no change set: ${state#FAILED}" ;;
    esac
    sleep 1
  done

  say "stack $stack, change set $set ($type):"
  cf describe-change-set --stack-name "$stack" --change-set-name "$set" --output text \
    --query 'Changes[].ResourceChange.[Action,Replacement,LogicalResourceId,ResourceType]' >"$work/changes"
  awk '{ printf "  %-7s %-28s %s%s\n", $1, $3, $4, ($2 == "True" ? "  (replaced)" : "") }' "$work/changes"
  if grep -qE '^(Remove|Modify[[:space:]]+True)[[:space:]].*AWS::DynamoDB::Table$' "$work/changes"; then
    cf delete-change-set --stack-name "$stack" --change-set-name "$set"
    fail 'this would take the table out of the stack: not executed'
  fi
  if [ -n "${show_only:-}" ]; then
    cf delete-change-set --stack-name "$stack" --change-set-name "$set"
    [ "$type" = UPDATE ] || cf delete-stack --stack-name "$stack"
    return
  fi

  events "$stack" | cut -f1 >"$work/told"
  cf execute-change-set --stack-name "$stack" --change-set-name "$set"
  follow "$stack"
  case $rests in
    CREATE_COMPLETE | UPDATE_COMPLETE) ;;
    *) fail "stack $stack is $rests: the first event above that FAILED says why" ;;
  esac
}
