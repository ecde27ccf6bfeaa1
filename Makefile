# Both main commands do their own set-up: a machine with Node.js 22.19 or newer, npm and Go (or an internet connection) is enough.
# The tests also need Go 1.26 and Python 3.10, for the SDKs of AWS that they try.
.DEFAULT_GOAL := help
EXECUTABLE ?= build/kon
.PHONY: help docs executable image sandbox test matrix bench crash-plans soak

help: ## Show what can be made
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# npm puts the Node.js version that the project pins into node_modules. Not `npm ci`: it refuses a lock without the optional
# packages of platforms that a registry does not carry.
node_modules/.package-lock.json: package.json package-lock.json
	@command -v npm >/dev/null || { echo "npm is missing: install Node.js 22.19 or newer" >&2; exit 1; }
	npm install --no-save --no-progress
	@touch $@

dist/kon.js: node_modules/.package-lock.json $(shell find src sandbox console scripts/build.ts -type f 2>/dev/null)
	@node_modules/.bin/node scripts/build.ts

sandbox: dist/kon.js ## Start a local cluster from real parts, and walk through what Konstellation does
	@node_modules/.bin/node dist/kon.js sandbox tour

executable: node_modules/.package-lock.json ## Build kon as one file that needs no Node.js (EXECUTABLE=build/kon)
	@node_modules/.bin/node scripts/build-executable.ts --outfile $(EXECUTABLE)

image: node_modules/.package-lock.json ## Build the operator's image without Docker, as an OCI layout (BASE=IMAGE@sha256:DIGEST with Node.js)
	@node_modules/.bin/node scripts/build-image.ts --base '$(BASE)'

docs: node_modules/.package-lock.json ## Build the documentation as a static site with search, build/site
	@node_modules/.bin/node scripts/build-site.ts

test: node_modules/.package-lock.json ## Run every check and every test
	@node_modules/.bin/node scripts/verify.ts

matrix: node_modules/.package-lock.json ## Run the tests of the API server's behaviour on the oldest supported Kubernetes version
	@node_modules/.bin/node scripts/verify.ts --only programs --only matrix --only matrix-timed

bench: dist/kon.js ## Measure speed, calls and memory
	@node_modules/.bin/node bench/run.ts

crash-plans: node_modules/.package-lock.json ## Kill the operator at every write, and let its view be old, in a modelled world (SEED=n: one seed)
	@node_modules/.bin/node scripts/crash-plans.ts $(if $(SEED),--seed $(SEED))

soak: node_modules/.package-lock.json ## Run for long what the tests run for a short while (SEEDS=n, FROM=n, CHAINS=n)
	@node_modules/.bin/node scripts/soak.ts
