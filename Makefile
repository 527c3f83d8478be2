# Building and running need Go and make, nothing else. `make help` lists what there is.

SHELL := /bin/sh
.DEFAULT_GOAL := help

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X github.com/foyer-id/foyer/cmd.Version=$(VERSION)
GOBUILD := CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)'
LINTER  := v2.15.0
MODULES := . $(patsubst %/go.mod,%,$(wildcard contrib/e2e/go.mod))

ROUNDS        ?= 50
MAILS         ?= 2000
EVENTS        ?= 5000
CRASH         ?= TestKilled|TestMail|TestEvent
PAIRS         ?= 2000
PEOPLE        ?= 100000
ADDRESSES     ?= 200
PROOFS        ?= 20
TRIPS         ?= 20
REGISTRATIONS ?= 1000
REPEATS       ?= 100
FUZZTIME      ?= 30s

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: ## Build and start everything on this machine: API, admin API, inbox and pages
	@contrib/quickstart/run

.PHONY: build
build: ## Build release binaries into bin/
	$(GOBUILD) -o bin/foyer ./cmd/foyer
	$(GOBUILD) -o bin/foyer-ui ./contrib/ui

.PHONY: test
test: ## Run all tests, with the race detector where a C compiler is; prints how many ran on which database
	@go run ./contrib/testreport $(TESTFLAGS) $(MODULES)

.PHONY: lint
lint: vet bin/golangci-lint ## Check format, vet and lint (the linter is built into bin/ at first use)
	bin/golangci-lint run

.PHONY: vet
vet: ## Check format and vet: the part of lint that needs Go alone
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); \
		if [ -n "$$unformatted" ]; then echo "not formatted, run make fmt:"; echo "$$unformatted"; exit 1; fi
	@for module in $(MODULES); do (cd $$module && go vet ./...) || exit 1; done

.PHONY: fmt
fmt: ## Format all Go files
	gofmt -w $$(git ls-files '*.go')

.PHONY: crash
crash: ## Kill the program under load of sign-ups, then of new passwords and recoveries, then of people on the way home from a provider, ROUNDS=50 times each, then over MAILS=2000 mails and the events of EVENTS=5000 people; audit what it acknowledged. CRASH=Event runs the last alone
	go test ./contrib/crash -count=1 -v -timeout 90m -run '$(CRASH)' -rounds $(ROUNDS) -mails $(MAILS) -events $(EVENTS)

.PHONY: fault
fault: ## Let the disk fail under load at many different moments, and audit what was acknowledged
	go test ./contrib/crash -count=1 -v -timeout 60m -run TestDisk -faults 40

.PHONY: people
people: ## Measure batches of 1,000 creates, and pages over PEOPLE=100000 identities with their query plans, on each database
	go test ./identity -count=1 -run TestBatchOfAThousand -figures -v
	go test ./persistence -count=1 -run TestPagesAreFoundByIndex -people $(PEOPLE) -v -timeout 60m

.PHONY: race
race: ## Let 64 clients race for each of ADDRESSES=200 addresses, PROOFS=20 codes and saves and TRIPS=20 trips to a provider of each kind, on each database
	go test ./contrib/race -count=1 -v -timeout 60m -addresses $(ADDRESSES) -proofs $(PROOFS) -trips $(TRIPS)

.PHONY: hooks
hooks: ## Let receivers of hooks fail in every way, REPEATS=100 times, and under REGISTRATIONS=1000, on each database; audit people, mails, events, reservations
	go test ./contrib/hooks -count=1 -v -parallel 9 -timeout 180m -repeats $(REPEATS) -registrations $(REGISTRATIONS) -refusals 400 -rounds 200

.PHONY: ssrf
ssrf: ## Aim calls at every place none may reach, with DNS answers that flip, redirects and proxies; print the connections to canaries
	go test ./internal/web -count=1 -v -run TestSSRF

.PHONY: bench
bench: ## Measure a release build: throughput, CPU per request, memory, flushes
	go run ./contrib/bench $(BENCHFLAGS)

.PHONY: timing
timing: ## Ask every flow about PAIRS=2000 pairs of a known and an unknown address under stealth; fail if time tells them apart
	go run ./contrib/timing -pairs $(PAIRS) $(TIMINGFLAGS)

.PHONY: footprint
footprint: ## Print how many of our functions, files and packages a request of each kind runs
	@go run ./contrib/footprint $(FOOTPRINTFLAGS)

.PHONY: fuzz
fuzz: ## Run every fuzz target for FUZZTIME=30s
	@grep -r --include='*_test.go' -o '^func Fuzz[A-Za-z0-9_]*' . | sort | while IFS=: read -r file name; do \
		target=$${name#func }; echo "$$target in $$(dirname $$file)"; \
		go test "./$$(dirname $$file)" -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) || exit 1; done

.PHONY: nightly
nightly: ## Tests, crash, fault, race, hooks, timing and fuzz at their full counts (hours)
	$(MAKE) test
	$(MAKE) crash ROUNDS=1000 MAILS=20000 EVENTS=10000
	$(MAKE) fault
	$(MAKE) race ADDRESSES=10000 PROOFS=200 TRIPS=200
	$(MAKE) hooks REGISTRATIONS=10000
	$(MAKE) timing PAIRS=20000
	$(MAKE) fuzz FUZZTIME=10m

.PHONY: databases
databases: ## Start PostgreSQL and MariaDB for tests: eval "$$(make -s databases)"
	@.ci/databases start

.PHONY: clean
clean: ## Remove what builds and runs leave behind, the quickstart's database included
	rm -rf bin var

bin/golangci-lint:
	GOBIN=$(CURDIR)/bin go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINTER)
