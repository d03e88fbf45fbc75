# make run    build everything and start the server: then open http://localhost:8080
# make test   all tests: Go, TypeScript, fuzz targets, a short soak, real browsers
# make check  linters and generated files
#
# Needs Go 1.26 and Node 20. Go modules and npm packages are installed as needed; the browser tests install Debian's browsers if they are missing.

SHELL     := /bin/bash -o pipefail
VERSION   := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
BIN       := bin/roamcall
PAGE      := assets/dist/index.html
NPM       := npm --prefix web --no-fund --no-audit --loglevel=error
GENERATED := web/src/protocol/messages.gen.ts
FUZZTIME  ?= $(if $(CI),50000x,10000x)
SOAK      ?= 30m
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
PEBBLE    := github.com/letsencrypt/pebble/v2/cmd/pebble@v2.10.3

.PHONY: run build web test test-go test-web fuzz soak e2e browsers check generate format bench-relay bench-load bench-bare bench-restart bench-handover bench-media bench-roam sample screens clean

run: build
	@$(BIN) serve $(ARGS)

build: $(PAGE)
	@go build -trimpath -ldflags "-X main.version=$(VERSION)" -o $(BIN) ./cmd/roamcall

web: $(PAGE)

web/node_modules/.package-lock.json: web/package-lock.json
	@echo "Installing the page's packages ..."
	@$(NPM) ci

$(PAGE): web/node_modules/.package-lock.json assets/sample/handover.jsonl.gz $(shell find web/src web/index.html web/vite.config.ts web/bundle-size.ts -type f 2>/dev/null)
	@echo "Building the page ..."
	@$(NPM) run --silent build
	@touch $(PAGE)

test: SOAK = 2m
test: check test-go test-web fuzz soak e2e

# One package at a time: they wait more than they work, and several have networks to keep pace with.
test-go: $(PAGE) bin/pebble
	PATH="$(CURDIR)/bin:$$PATH" go test -race -p 1 ./...

# The authority that the tests of certificates ask.
bin/pebble:
	@GOBIN="$(CURDIR)/bin" go install $(PEBBLE)

test-web: web/node_modules/.package-lock.json
	$(NPM) test

# Every fuzz target FUZZTIME, four at a time. That is a number of inputs: of a duration Go's fuzzer sometimes takes the end for a failure ("context deadline exceeded").
fuzz:
	@for pkg in $$(go list ./...); do go test -list '^Fuzz' $$pkg | sed -n "s|^Fuzz|$$pkg Fuzz|p"; done \
	  | xargs -P 4 -L 1 sh -c 'out=$$(go test -run "^\$$" -fuzz "^$$1\$$" -fuzztime $(FUZZTIME) -parallel 1 "$$0" 2>&1) \
	    && echo "fuzz $$0 $$1 $(FUZZTIME): ok" || { echo "$$out" | tail -n 40; exit 255; }'

# People come, go and misbehave for SOAK, and nothing may leak. The server needs twice a minute more, to be empty.
soak: build
	$(BIN) soak --duration $(SOAK) $(ARGS)

# In CI a test that cannot run fails.
e2e: build browsers
	$(if $(CI),E2E_REQUIRE=1) $(NPM) run e2e

# Chromium and Firefox, PulseAudio without which Firefox plays nothing on a machine that has no sound device, and as root what makes networks in namespaces.
browsers:
	@missing=; \
	command -v chromium >/dev/null || missing="$$missing chromium"; \
	command -v firefox-esr >/dev/null || missing="$$missing firefox-esr"; \
	command -v pulseaudio >/dev/null || missing="$$missing pulseaudio"; \
	if [ "$$(id -u)" = 0 ]; then \
	  command -v ip >/dev/null || missing="$$missing iproute2"; \
	  command -v nft >/dev/null || missing="$$missing nftables"; \
	fi; \
	if [ -n "$$missing" ]; then \
	  if [ "$$(id -u)" != 0 ]; then echo "The browser tests need:$$missing. Install them, as root: apt-get install$$missing" >&2; exit 1; fi; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	fi

check: web/node_modules/.package-lock.json
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo "not formatted:"; gofmt -l $$(git ls-files '*.go'); exit 1; }
	go vet ./...
	go run $(STATICCHECK) ./...
	$(NPM) run check

# The TypeScript types, from the Go structs.
generate:
	go run ./server/internal/tsgen $(GENERATED)

format: web/node_modules/.package-lock.json
	gofmt -w $$(git ls-files '*.go')
	$(NPM) run format

# What the relay costs: per forwarded frame and per audio packet, to 1, 10 and 100 subscribers, over loopback; and how long a key frame takes from a slow network to another.
bench-relay:
	go test -run '^$$' -bench 'Relay(Video|Audio)' -benchmem ./server
	go test -run '^$$' -bench CutThrough ./server

# What a restart of the server does to a call of two native participants: the longest gap that anybody saw, of ten.
bench-restart:
	go test -run '^$$' -bench Restart -benchtime 10x ./cmd/roamcall

# What the server costs, and how its calls are, with more and more people: see roamcall bench --help.
LOADS ?= "--subscribers 10" "--subscribers 50" "--subscribers 100" "--subscribers 200" "--subscribers 300" "--subscribers 500" \
         "--shape meeting" "--shape meeting --switches 60" "--subscribers 100 --switches 900 --together 30" "--shape audio-room" "--shape churn"
bench-load: build
	@for load in $(LOADS); do $(BIN) bench --ramp 10s $$load || exit 1; echo; done

# What quic-go alone costs for the same load.
bench-bare:
	go test -run '^$$' -bench RelayBare ./server

# What a handover does to the call, in real browsers.
bench-handover: build browsers
	$(NPM) run bench:handover

# What a call is like on networks that are known: delay, time to join, steps of rate, loss. ARGS="--only step --json FILE", see web/e2e/bench/media.ts.
bench-media: build browsers
	$(NPM) run bench:media -- $(ARGS)

# What becomes of a call on real networks, in network namespaces (as root).
bench-roam: build browsers
	$(NPM) run bench:roam -- $(ARGS)

# The recording that /replay/sample shows, made anew in a real call (assets/sample/handover.jsonl.gz).
sample: build browsers
	$(NPM) run sample

# Pictures of every screen, in web/e2e/out.
screens: build browsers
	$(NPM) run screens

clean:
	rm -rf bin web/node_modules web/e2e/out assets/dist/assets $(PAGE)
