# Any image of Node.js 24 whose C library is that of the build image, such as gcr.io/distroless/nodejs24-debian12.
ARG BUILD_IMAGE=node:24-bookworm-slim
ARG BASE_IMAGE=node:24-bookworm-slim

FROM ${BUILD_IMAGE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
# None of the production dependencies has an install script.
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM ${BASE_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="metaipam" \
      org.opencontainers.image.description="IP address management for Kubernetes, as Metacontroller hooks" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY package.json LICENSE ./
COPY crds crds
COPY metacontroller metacontroller
COPY hooks hooks
COPY lib lib
# Distroless images keep Node.js in /nodejs/bin.
ENV NODE_ENV=production PATH=/nodejs/bin:$PATH
# Numeric, so that runAsNonRoot can be checked. Nothing is written: the root file system may be read-only.
USER 65532:65532
EXPOSE 8080 8081
ENTRYPOINT ["node", "lib/cli/metaipam.ts"]
CMD ["serve"]
