# The server. Build in the root of the repository: docker build .
# For several platforms: docker buildx build --platform linux/amd64,linux/arm64 .
ARG BUILD_IMAGE=node:24-trixie-slim
# Any image of Node.js 24 will do. This one has no shell.
ARG BASE_IMAGE=gcr.io/distroless/nodejs24-debian13:nonroot

# The bundle is the same on every platform: it is made once, on the builder's own.
FROM --platform=$BUILDPLATFORM ${BUILD_IMAGE} AS bundle
WORKDIR /src
COPY package.json package-lock.json ./
# Neither esbuild nor the bundled packages need their install scripts.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY LICENSE ./
COPY crds crds
COPY metacontroller metacontroller
COPY hooks hooks
COPY lib lib
COPY release release
RUN node release/bundle.ts

FROM ${BASE_IMAGE} AS server
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="metaipam" \
      org.opencontainers.image.description="IP address management for Kubernetes, as Metacontroller hooks" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
WORKDIR /app
COPY LICENSE ./
COPY --from=bundle /src/dist/metaipam.mjs /src/dist/THIRD_PARTY_LICENSES.txt ./
# Distroless images keep Node.js in /nodejs/bin.
ENV NODE_ENV=production PATH=/nodejs/bin:$PATH
# Numeric, so that runAsNonRoot can be checked. Nothing is written: the root file system may be read-only.
USER 65532:65532
EXPOSE 8080 8081
ENTRYPOINT ["node", "/app/metaipam.mjs"]
CMD ["serve"]
