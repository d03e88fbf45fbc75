package main

import (
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/roamcall/roamcall/"

// imports says what each package may import of this module and of what this module depends on. Imports point one way:
// cmd → server → {server/path, server/link, media, signaling}.
var imports = map[string][]string{
	"assets":                {},
	"signaling":             {},
	"signaling/client":      {module + "signaling", module + "media", "github.com/quic-go/", "github.com/pion/rtp"},
	"media":                 {"github.com/pion/rtp"},
	"media/file":            {module + "media", "github.com/pion/rtp"},
	"media/nada":            {},
	"media/sframe":          {},
	"server/link":           {module + "server/link/iface", "golang.org/x/sys"},
	"server/link/companion": {module + "server/link", module + "server/internal/web"},
	"server/path":           {"github.com/quic-go/quic-go"},
	"server/kept":           {},
	"server/recording":      {module + "server/path"},
	"server":                {module + "assets", module + "media", module + "server/", module + "signaling", "github.com/", "golang.org/x/"},
	"server/internal":       {module + "server/", module + "signaling", module + "media"},
	"server/internal/web":   {module + "assets"},
	"cmd": {
		module + "server", module + "signaling", module + "media", module + "assets", "github.com/at-wat/ebml-go", "github.com/pion/rtp", "golang.org/x/term",
		"github.com/quic-go/", "github.com/coder/websocket", // of who behaves as signaling/client never would (roamcall soak)
	},
}

func TestImportsPointOneWay(t *testing.T) {
	list := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, module+"...")
	var warnings strings.Builder
	list.Stderr = &warnings
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &warnings)
	}
	checked := 0
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		pkg := strings.TrimPrefix(fields[0], module)
		allowed, ok := rule(pkg)
		if !ok {
			t.Errorf("%s has no rule; say in this test what it may import", pkg)
			continue
		}
		for _, dep := range fields[1:] {
			if !strings.Contains(strings.Split(dep, "/")[0], ".") { // the standard library
				continue
			}
			checked++
			if !allows(allowed, dep) {
				t.Errorf("%s must not import %s", pkg, dep)
			}
		}
	}
	if checked == 0 {
		t.Error("nothing was checked")
	}
}

// rule finds the longest rule that names pkg or a folder above it.
func rule(pkg string) ([]string, bool) {
	for p := pkg; p != "."; {
		if r, ok := imports[p]; ok {
			return r, true
		}
		i := strings.LastIndexByte(p, '/')
		if i < 0 {
			break
		}
		p = p[:i]
	}
	return nil, false
}

func allows(allowed []string, dep string) bool {
	for _, a := range allowed {
		if strings.HasPrefix(dep, a) && (!strings.HasPrefix(dep, module) || strings.HasPrefix(a, module)) {
			return true
		}
	}
	return false
}

// One file of server/path uses quic-go's qlog package, so that an upgrade of quic-go changes one file.
func TestQlogHasOneImporter(t *testing.T) {
	out, err := exec.Command("grep", "-rl", "--include=*.go", "--exclude=*_test.go", `"github.com/quic-go/quic-go/qlog"`, "../..").Output()
	if err != nil {
		t.Fatal(err)
	}
	if files := strings.Fields(string(out)); len(files) != 1 || !strings.Contains(files[0], "server/path/") {
		t.Errorf("quic-go/qlog is used by %v", files)
	}
}
