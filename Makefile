# make test    all that a change must pass; installs what it needs
# make check   formatting and vet
# make lint    golangci-lint, pinned
# make gates   size and start of the binary
# make fuzz    every fuzz target, FUZZTIME each
# make bench   figures with their goals, one a line
# make soak    the slow suites
# make docs    regenerate what is generated from the code

GO      ?= go
PKGS    := ./...
LDFLAGS := -s -w

.PHONY: test check build bench soak docs deps lint fuzz gates

# Tests that check a whole record for each of its bytes, in one goroutine: the race
# detector would find nothing there and take ten times as long.
MATRICES := ^TestEvery(FlippedByteIsFound|RunFolderAlone|CutOfEveryFile)

test: export KEYROTOR_TEST_REQUIRE := $(or $(KEYROTOR_TEST_REQUIRE),all)
test: deps check
	$(GO) test -race -timeout 15m -skip '$(MATRICES)' $(PKGS)
	$(GO) test -timeout 15m -run '$(MATRICES)' ./internal/ledger

deps:
	./scripts/test-deps

check:
	@bad=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$bad" ]; then echo "gofmt would change: $$bad"; exit 1; fi
	$(GO) vet $(PKGS)

build:
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/keyrotor ./cmd/keyrotor

# Gates: the stripped binary is at most 40 MB, and starts within 25 ms.
gates: build
	./scripts/gates bin/keyrotor

bench: build
	$(GO) run ./cmd/bench

docs:
	$(GO) test ./cmd/keyrotor -run 'TestDocs' -update

# golangci-lint is pinned here and nowhere else; .golangci.yml gives a reason
# beside each thing that is switched off.
lint:
	$(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0 run

FUZZTIME ?= 30s
fuzz:
	GO=$(GO) FUZZTIME=$(FUZZTIME) ./scripts/fuzz

soak: deps fuzz
	KEYROTOR_SOAK=1 KEYROTOR_TEST_REQUIRE=all $(GO) test -race -count=3 -timeout 60m $(PKGS)
