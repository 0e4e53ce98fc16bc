# What CI runs is `just ci`.

default:
    @just --list

# Format check, lints, documentation, tests
ci:
    .ci/run

# The main job on real YAML: http://127.0.0.1:8080
quickstart:
    cargo run --release --example quickstart

test:
    cargo test --workspace

fix:
    cargo fmt --all
    cargo clippy --workspace --all-targets --fix --allow-dirty

# Figures of the routing table, the compile, the stack, and of the way from a write at the API server to traffic
bench:
    cargo bench -p ingress-core
    cargo bench -p ingress-proxy --bench stack
    cargo bench -p ingress-tests --bench convergence

# Side by side with nginx, haproxy, envoy and caddy; bench/README.md says what must be installed
compare *arguments:
    cargo build --release -p ingress-controller
    bench/run {{arguments}}

# How many instructions a request takes, part by part: needs valgrind
instructions *names:
    cargo bench -p ingress-proxy --bench instructions -- {{names}}

# Rewrite the expected results of the compile's cases after looking at the difference
expect:
    UPDATE_EXPECTED=1 cargo test -p ingress-core --test cases
    git diff ingress-core/tests/cases
