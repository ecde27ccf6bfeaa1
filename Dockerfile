# The operator's image, for those who build with Docker: the same files and settings as those of `make image`, which needs no Docker
# and is reproducible. scripts/image/settings.ts has the settings.
#   docker build -t konstellation .
# A bill of materials of all that is bundled is in the image: /app/sbom.cdx.json
# The base images are arguments, so that they can be named by digest: --build-arg BUILD_IMAGE=node:24-slim@sha256:…
ARG BUILD_IMAGE=node:24-slim
ARG RUN_IMAGE=gcr.io/distroless/nodejs24-debian13:nonroot

FROM ${BUILD_IMAGE} AS build
WORKDIR /src
COPY package.json package-lock.json ./
COPY sandbox/package.json ./sandbox/
COPY console/package.json ./console/
COPY scripts ./scripts
# `npm ci` refuses a lock without the optional packages of platforms that a registry does not carry. The script ends the build
# unless every package is the one that the lock names, by version and hash.
RUN npm install --no-save --no-progress && node scripts/check-installed.ts
COPY sandbox ./sandbox
COPY console ./console
COPY src ./src
RUN node scripts/build.ts --operator --outdir /app

# Its entrypoint is node: https://github.com/GoogleContainerTools/distroless/blob/main/nodejs/README.md
FROM ${RUN_IMAGE}
WORKDIR /app
COPY --from=build /app ./
# The operator reacts, it does not compute: a large young generation, a pool of threads for the garbage collector and a heap
# of malloc's for each of them would be memory that it holds and does not need. docs/performance.md has the figures.
ENV NODE_ENV=production MALLOC_ARENA_MAX=2
# As in the chart; a number, so that Kubernetes can tell that it is not root.
USER 65532:65532
ENTRYPOINT ["/nodejs/bin/node", "--max-semi-space-size=8", "--v8-pool-size=1", "--expose-gc", "/app/kon.js"]
CMD ["operator", "--health-address=:8080", "--log-format=json"]
