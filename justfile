# The scripts of ci/, by name. ci/README.md says how long each takes and what it needs.

[private]
default:
    @just --list --unsorted

# Run every check that must pass before a change lands
gate:
    ci/run

# Run the tests that need only Cargo
test:
    cargo test --workspace --locked

# Install the Rust of rust-toolchain.toml
rust:
    ci/rust

# Check that Picus compiles for macOS
macos:
    ci/macos

# Make this the repository of a service called NAME
rename name:
    ci/rename {{ name }}

# Rename a copy, and run its lints and tests
adopt:
    ci/adopt

# Install the gate's Python tools
python:
    ci/python

# Check licences, sources, versions and advisories of the crates
dependencies:
    ci/dependencies

# Lint the shell scripts and the Dockerfile
scripts:
    ci/scripts

# Lint and test the deployment's templates
templates:
    ci/templates

# Lint the workflows
workflows:
    ci/workflows

# Test that the IAM policies allow what is needed and nothing more
policies:
    ci/policies

# Build the collector that the tests use
collector-build:
    ci/collector-build

# Test telemetry to X-Ray and CloudWatch through a real collector
collector:
    ci/collector

# Test that Prometheus scrapes the service, and that its exemplars lead to traces
prometheus:
    ci/prometheus

# Run every drill
drills:
    ci/drills

# Run every campaign in its small size
campaigns:
    ci/campaigns

# Look for inputs that break a parser: `just fuzz json 600`
fuzz *arguments:
    ci/fuzz {{arguments}}

# Run the README's commands, the walk-through, the examples of docs/API.md and the contract's tests
readme:
    ci/readme

# Check the console's page, and test it in a browser; with --build, build it
console *options:
    ci/console {{ options }}

# Run the examples of docs/API.md on the Picus at port 8080
api-examples:
    ci/api-examples

# Lint the OpenAPI document of a running Picus, and test generated clients
api-clients base_url *parts:
    ci/api-clients {{ base_url }} {{ parts }}

# Test the API of a running Picus against its OpenAPI document
contract base_url *options:
    ci/contract {{ base_url }} {{ options }}

# Start Docker, and provide the base images of the Dockerfile
base-images:
    ci/base-images

# Provide the image of AWS's collector
collector-image:
    ci/collector-image

# Build the service's image and run it within a task's limits
image:
    ci/image

# Fail each call of the deployment's scripts once, on emulated accounts
accounts:
    ci/accounts

# Deploy to an emulator of AWS, from an empty account to its tear-down
story:
    ci/story

# Package the delete handler twice, and compare
lambda:
    ci/lambda --twice
