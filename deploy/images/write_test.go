package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// fakePrograms is a folder like that of `compile`, with little in it.
func fakePrograms(t *testing.T, arches ...string) string {
	t.Helper()
	folder := t.TempDir()
	for _, arch := range arches {
		if err := os.MkdirAll(filepath.Join(folder, arch), 0o755); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"gateway", "worker", "loadtest", "ca-certificates.crt", "nsswitch.conf"} {
			if err := os.WriteFile(filepath.Join(folder, arch, name), []byte(name+" for "+arch), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	return folder
}

func writeFake(t *testing.T, programs, name string) (out string) {
	t.Helper()
	out = t.TempDir()
	s := settings{"Dockerfile", programs, out, "1.2.3", "c0ffee", time.Unix(1_700_000_000, 0).UTC()}
	if err := write(s, name); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestAnImageIsWhatItsStageSays(t *testing.T) {
	out := writeFake(t, fakePrograms(t, "amd64", "arm64"), "worker")
	for _, arch := range []string{"amd64", "arm64"} {
		shipped := readImage(t, out, "confab-worker", arch)
		config := shipped.config.Config
		if config.User != "10001:10001" || !slices.Equal(config.Entrypoint, []string{"/usr/local/bin/worker"}) || !slices.Equal(config.Cmd, []string{"run"}) {
			t.Errorf("%s runs %v %v as %q", arch, config.Entrypoint, config.Cmd, config.User)
		}
		if !slices.Equal(config.Env, []string{"CONFAB_OPS_LISTEN=0.0.0.0:9100"}) {
			t.Errorf("environment %v", config.Env)
		}
		if shipped.config.Architecture != arch || string(shipped.files["usr/local/bin/worker"]) != "worker for "+arch {
			t.Errorf("%s holds %q for %s", arch, shipped.files["usr/local/bin/worker"], shipped.config.Architecture)
		}
	}
}

func TestTheSameProgramsGiveTheSameBytes(t *testing.T) {
	first := writeFake(t, fakePrograms(t, "amd64"), "gateway")
	second := writeFake(t, fakePrograms(t, "amd64"), "gateway")
	for _, name := range []string{"confab-gateway.tar", "confab-gateway/index.json"} {
		one, err := os.ReadFile(filepath.Join(first, name))
		if err != nil {
			t.Fatal(err)
		}
		other, err := os.ReadFile(filepath.Join(second, name))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(one, other) {
			t.Errorf("%s differs", name)
		}
	}
}

func TestWhatDockerWouldMakeDifferentlyIsRefused(t *testing.T) {
	for says, why := range map[string]string{
		"RUN true":                              "not for an image of one program",
		"ENTRYPOINT gateway":                    "takes a shell",
		"CMD gateway":                           "takes a shell",
		"COPY gateway /gateway":                 "does not copy one file",
		"COPY --from=build /elsewhere /gateway": "does not copy one file",
		"COPY --from=build /image/gateway here": "does not copy one file",
		"COPY --from=build --chmod=777 /image/gateway /gateway": "does not copy one file",
	} {
		dockerfile := filepath.Join(t.TempDir(), "Dockerfile")
		text := "FROM rust AS build\nFROM scratch AS gateway\n" + says + "\n"
		if err := os.WriteFile(dockerfile, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := readStage(dockerfile, "gateway"); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", says, err)
		}
	}
	if _, err := readStage("Dockerfile", "nonsense"); err == nil {
		t.Error("a stage that is not there was read")
	}
}
