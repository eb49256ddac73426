# The image of init-container.yaml: vestibule, and `install` to copy it. In the
# image `vestibule` itself there is no such program, and nobody may read the binary.
#
#   docker build --file installer.Dockerfile --tag vestibule-installer .

ARG VESTIBULE=vestibule
ARG BASE=busybox
FROM ${VESTIBULE} AS vestibule

FROM ${BASE}
COPY --from=vestibule /vestibule /vestibule
RUN chmod 0555 /vestibule
