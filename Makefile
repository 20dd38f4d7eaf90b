# Everything that people do with this kit. `make help` lists it.
#
# Nothing is needed beforehand but Go, Docker and make: what else a target needs
# it installs or makes itself, and says so.

.DEFAULT_GOAL := help
SHELL := /bin/bash

LAB := dist/lab
# Arguments for the lab, e.g.  make lab ARGS='weights --lang es'
ARGS ?=

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

.PHONY: $(LAB)
$(LAB):
	@[ -x $@ ] || echo "compiling the lab (the first time takes a minute or two)"
	@go build -o $@ ./lab/cmd/lab

.PHONY: lab
lab: $(LAB) ## Bring the stack up, check it, break it, load it, report it (ARGS='…' for the lab)
	@$(LAB) run $(ARGS)

.PHONY: up
up: $(LAB) ## Bring the stack up for the browser and leave it running (HTTP_PORT=8080 PMA_PORT=8081)
	@$(LAB) up $(ARGS)

.PHONY: down
down: $(LAB) ## Remove that stack with its data, and whatever killed runs left
	@$(LAB) down

.PHONY: prerequisites
prerequisites: $(LAB) ## Install what the tests need (Chromium) and make the images; says what it does
	@bash .ci/prerequisites
	@$(LAB) prepare

# One package after the other (-p 1): scenarios claim times, and nothing is compiled beside them.
.PHONY: test
test: prerequisites ## Run every test, on the real stack and in a real browser
	go test -p 1 -timeout 60m ./...

# The race detector runs where no container is needed: these packages, without the tests that
# bring a stack up (`make test` runs those).
RACE := ./app ./app/cmd/inventory ./app/web ./lab ./lab/bench ./lab/calibrate ./lab/check ./lab/compare ./lab/load ./lab/probe ./lab/report/...
WITH_STACK := ^(TestScenarios|TestPhpMyAdmin.*|TestBrowser|TestProfilesOnTheStack)$$

.PHONY: lint
lint: ## Check format and code, and run the race detector where no container is needed
	@bad=$$(go tool gofumpt -l app lab scenarios); [ -z "$$bad" ] || { echo "not gofumpt'ed:"; echo "$$bad"; exit 1; }
	go vet ./...
	go tool staticcheck ./...
	@bash .ci/vulncheck
	go test -race -skip '$(WITH_STACK)' $(RACE)

.PHONY: bench
bench: $(LAB) ## Measure the stack against a bare handler on the same path, and the lab's own code
	@bash .ci/bench
