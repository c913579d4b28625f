# What people do here, as `just NAME` (https://just.systems). Everything works without just too: these are the commands.

# List what there is
default:
    @just --list

# Run the whole service with its data in target/dev-data
dev *arguments:
    cargo run -p certmill -- dev --data target/dev-data {{ arguments }}

# Install what the tests need, and run all of them or those that the arguments choose
test *arguments:
    tests/run {{ arguments }}

# Run the tests of a module of the API: `just story revoke`
story module:
    tests/run --test it {{ module }}::

# Format, and have clippy look
lint:
    cargo fmt --all
    cargo clippy --workspace --all-targets -- -D warnings

# Check links, spelling, scripts and dependencies, in some seconds
checks:
    .ci/checks

# Run everything that a change must pass, in about an hour
ci:
    .ci/run

# Write the OpenAPI document, the page's types and the book's reference anew
generate:
    cargo build --workspace --bin certmill
    target/debug/certmill openapi > openapi/certmill.json
    docs/reference

# Build the page and check that ui/dist is what the sources give
page:
    cd ui && npm ci && npm run build
    ui/check

# Make pages for the browser of the book
book:
    docs/build

# Fuzz every target for a minute, or one for so many seconds
fuzz *arguments:
    fuzz/run {{ arguments }}

# Make the release archive
archive:
    packaging/archive
