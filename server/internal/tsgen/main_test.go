package main

import (
	"os"
	"testing"
)

func TestGeneratedFileIsFresh(t *testing.T) {
	const file = "../../../web/src/protocol/messages.gen.ts"
	have, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != generate() {
		t.Errorf("%s is stale: run make generate", file)
	}
}
