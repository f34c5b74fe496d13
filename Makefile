VERSION := $(shell sed -n 's/^  "version": "\(.*\)",/\1/p' package.json)
REVISION := $(shell git rev-parse HEAD 2>/dev/null)
IMAGE ?= ghcr.io/metaipam/metaipam:$(VERSION)
CNI_IMAGE ?= ghcr.io/metaipam/metaipam-cni:$(VERSION)
# Any that understands docker's build command.
CONTAINER_TOOL ?= docker
# More of its arguments, such as --build-arg BASE_IMAGE=... or --push.
BUILD_ARGS ?=
PLATFORMS ?= linux/amd64,linux/arm64
METACONTROLLER_VERSION ?= v4.17.2
# The test environment has a kubeconfig of its own: yours is left alone.
TEST_KUBECONFIG ?= $(CURDIR)/dist/kind.kubeconfig

KUBECTL = kubectl --kubeconfig $(TEST_KUBECONFIG)
METACONTROLLER_CRDS = https://raw.githubusercontent.com/metacontroller/metacontroller/$(METACONTROLLER_VERSION)/manifests/production/metacontroller-crds-v1.yaml

# $(call need,kind kubectl): ends with the names of the programs that are not on the path.
need = @for tool in $(1); do command -v $$tool >/dev/null || missing="$$missing $$tool"; done; \
	[ -z "$$missing" ] || { echo "make $@ needs what is not on the path:$$missing" >&2; exit 1; }
need_containers = $(call need,$(CONTAINER_TOOL) $(1)); \
	$(CONTAINER_TOOL) info >/dev/null 2>&1 || { echo "make $@: $(CONTAINER_TOOL) is there, but does not answer: is its daemon running?" >&2; exit 1; }

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-20s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

node_modules: package.json package-lock.json
	$(call need,npm)
	npm ci --no-audit --no-fund
	@touch node_modules

.PHONY: build
build: node_modules ## Make the server and command line, one file: dist/metaipam.mjs
	npm run --silent build

.PHONY: test
test: node_modules ## Run the linter, the type checker and every test that needs no cluster
	npm test

.PHONY: test-e2e
test-e2e: node_modules ## Run the tests on a real control plane
	npm run --silent test:e2e

.PHONY: release
release: node_modules ## Make what is attached to a release: dist/release
	npm run --silent release

.PHONY: image-build
image-build: ## Build the image of the server: IMAGE, BUILD_ARGS
	$(call need_containers)
	$(CONTAINER_TOOL) build -t $(IMAGE) --build-arg VERSION=$(VERSION) --build-arg REVISION=$(REVISION) $(BUILD_ARGS) .

.PHONY: image-push
image-push: ## Build the image for all PLATFORMS and push it
	$(call need_containers)
	$(CONTAINER_TOOL) buildx build -t $(IMAGE) --platform $(PLATFORMS) --push \
		--build-arg VERSION=$(VERSION) --build-arg REVISION=$(REVISION) $(BUILD_ARGS) .

.PHONY: cni-image-build
cni-image-build: ## Build the image of the CNI plugins: CNI_IMAGE, BUILD_ARGS
	$(call need_containers)
	$(CONTAINER_TOOL) build -t $(CNI_IMAGE) -f cni/Dockerfile $(BUILD_ARGS) .

.PHONY: setup-test-env
setup-test-env: ## Start a kind cluster whose nodes wait for their podCIDRs
	$(call need_containers,kind kubectl)
	@mkdir -p $(dir $(TEST_KUBECONFIG))
	kind create cluster --config test/kind/cluster.yaml --kubeconfig $(TEST_KUBECONFIG)
	$(KUBECTL) apply --server-side -f $(METACONTROLLER_CRDS)
	$(KUBECTL) apply --server-side -k crds
	$(KUBECTL) apply --server-side -k crds/cluster-api
	$(KUBECTL) wait --for=condition=Established crd --all --timeout=60s

.PHONY: run
run: setup-test-env image-build ## Start that cluster and run metaipam in it
	kind load docker-image $(IMAGE) --name metaipam
	$(KUBECTL) apply --server-side -k test/kind
	$(KUBECTL) set image -n metaipam-system deployment/metaipam metaipam=$(IMAGE)
	$(KUBECTL) apply --server-side -f test/kind/cluster-cidr.yaml
	$(KUBECTL) wait --for=condition=Ready node --all --timeout=180s
	$(KUBECTL) get nodes -o custom-columns=NODE:.metadata.name,PODCIDRS:.spec.podCIDRs
	@echo "export KUBECONFIG=$(TEST_KUBECONFIG)"

.PHONY: teardown-test-env
teardown-test-env: ## Delete that cluster
	$(call need_containers,kind)
	kind delete cluster --name metaipam --kubeconfig $(TEST_KUBECONFIG)
	rm -f $(TEST_KUBECONFIG)
