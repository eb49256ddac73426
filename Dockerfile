# The binary, alone and in front of another image:
#
#   docker build --target vestibule --tag vestibule .
#   docker build --target service --build-arg BASE=redis:7-bookworm --tag redis-with-vestibule .
#
# In your own Dockerfile two lines do the same (see the stage `service`): a COPY
# from the first image, and the ENTRYPOINT.

ARG RUST_IMAGE=rust:1.95-slim-bookworm
ARG BASE=debian:bookworm-slim

# rust-toolchain.toml stays outside: the image's tag names the compiler, and the
# file would have rustup fetch the linters and the other targets as well.
FROM ${RUST_IMAGE} AS build
WORKDIR /build
RUN target=$(uname -m)-unknown-linux-musl \
    && { [ -d "$(rustc --print sysroot)/lib/rustlib/$target" ] || rustup target add "$target"; }
# The crates first: they change less often than our code does.
COPY Cargo.toml Cargo.lock ./
COPY .cargo .cargo
RUN mkdir src && touch src/lib.rs src/main.rs \
    && cargo fetch --locked --target "$(uname -m)-unknown-linux-musl"
# The texts that the program prints are compiled into it.
COPY LICENSE-APACHE LICENSE-MIT ./
COPY docs/help.txt docs/
COPY build.rs ./
COPY build build
COPY scripts/reproducible.sh scripts/
COPY src src
# The same bytes as `make release` gives with the same compiler.
RUN target=$(uname -m)-unknown-linux-musl \
    && scripts/reproducible.sh > /reproducible.toml \
    && cargo build --config /reproducible.toml --locked --release --bin vestibule --target "$target" \
    && install -m 0111 "target/$target/release/vestibule" /vestibule

# Mode 0111: who may not read a program may not read the memory of its process
# either, unless it holds CAP_DAC_OVERRIDE.
FROM scratch AS vestibule
COPY --from=build /vestibule /vestibule
# For editors, by `docker cp`; no other image needs it.
COPY policy.schema.json /policy.schema.json
ENTRYPOINT ["/vestibule"]

# PID 1 of another image. An ENTRYPOINT of that image is replaced: name its
# program in the command (`docker-entrypoint.sh postgres`).
FROM ${BASE} AS service
COPY --from=vestibule /vestibule /vestibule
ENTRYPOINT ["/vestibule", "--"]

# The example's application: what an image of your own looks like. An image that
# has the clients already (as the tests') needs no network here.
FROM service AS example-app
COPY examples/stack/requirements.txt examples/stack/app.py /app/
RUN python3 -c 'import boto3, minio, psycopg, redis' \
    || pip install --no-cache-dir --requirement /app/requirements.txt

# What `docker build .` makes without --target.
FROM vestibule
