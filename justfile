# The scripts of ci/, by name. ci/README.md says how long each takes and what it needs.

[private]
default:
    @just --list --unsorted

# Everything that must hold before a change lands
gate:
    ci/run

# The tests that need nothing but Cargo
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

# Licences, sources, versions and advisories of the crates
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

# Prove that the IAM policies permit what is needed and no more
policies:
    ci/policies

# Build the collector that the tests use
collector-build:
    ci/collector-build

# Test the way to X-Ray and CloudWatch, through a collector
collector:
    ci/collector

# Let a real Prometheus scrape the service, and follow its exemplars to traces
prometheus:
    ci/prometheus

# Make every drill
drills:
    ci/drills

# Make every campaign, in its small size
campaigns:
    ci/campaigns

# Try the README, the walk-through, docs/API.md and the contract
readme:
    ci/readme

# Check the console's page and try it in a browser; with --build, build it
console *options:
    ci/console {{ options }}

# Try the examples of docs/API.md on the Picus at port 8080
api-examples:
    ci/api-examples

# Lint the OpenAPI document of a running Picus and try the clients that generators make of it
api-clients base_url *parts:
    ci/api-clients {{ base_url }} {{ parts }}

# Try the contract on a running Picus
contract base_url *options:
    ci/contract {{ base_url }} {{ options }}

# See to Docker and the images that the Dockerfile starts from
base-images:
    ci/base-images

# See to the image of AWS' collector
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

# Package the delete handler twice: the same bytes
lambda:
    ci/lambda
