package main

import (
	"bytes"
	"debug/elf"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Folder of what `make images` wrote; set by deploy/images/test.
const imagesVariable = "CONFAB_IMAGES"

// The largest that an image may be, unpacked.
const mostBytes = 30_000_000

var programs = []string{"gateway", "worker", "loadtest"}

func madeImages(t *testing.T) string {
	t.Helper()
	folder := os.Getenv(imagesVariable)
	if folder == "" {
		t.Skip("`make images-test` sets " + imagesVariable)
	}
	return folder
}

// forEach tries something with each image that was made.
func forEach(t *testing.T, try func(t *testing.T, program, arch string, shipped shippedImage)) {
	out := madeImages(t)
	arches, err := architectures(filepath.Join(out, "programs"))
	if err != nil {
		t.Fatal(err)
	}
	for _, program := range programs {
		for _, arch := range arches {
			t.Run(program+"/"+arch, func(t *testing.T) {
				try(t, program, arch, readImage(t, out, "confab-"+program, arch))
			})
		}
	}
}

func TestImagesHoldOneStaticProgramAndNoShell(t *testing.T) {
	forEach(t, func(t *testing.T, program, arch string, shipped shippedImage) {
		var names []string
		for name := range shipped.files {
			names = append(names, name)
		}
		slices.Sort(names)
		if want := []string{"etc/nsswitch.conf", "etc/ssl/certs/ca-certificates.crt", "usr/local/bin/" + program}; !slices.Equal(names, want) {
			t.Errorf("it holds %v", names)
		}
		layers, err := shipped.Layers()
		if err != nil {
			t.Fatal(err)
		}
		size := 0
		for _, data := range shipped.files {
			size += len(data)
		}
		if len(layers) != 1 || size > mostBytes {
			t.Errorf("%d layers, %d bytes", len(layers), size)
		}
		file, err := elf.NewFile(bytes.NewReader(shipped.files["usr/local/bin/"+program]))
		if err != nil {
			t.Fatal(err)
		}
		if libraries, err := file.ImportedLibraries(); err != nil || len(libraries) > 0 {
			t.Errorf("it needs %v (%v)", libraries, err)
		}
		if machine := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}[arch]; file.Machine != machine {
			t.Errorf("it is for %v", file.Machine)
		}
		if user := shipped.config.Config.User; user != "10001:10001" {
			t.Errorf("it runs as %q", user)
		}
		if mode := shipped.modes["usr/local/bin/"+program]; mode.Perm() != 0o755 {
			t.Errorf("its mode is %v", mode)
		}
	})
}

func TestNothingTellsWhereItWasBuilt(t *testing.T) {
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	checkout, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	forEach(t, func(t *testing.T, program, _ string, shipped shippedImage) {
		for _, place := range []string{filepath.Join(home, ".cargo"), checkout + "/"} {
			if bytes.Contains(shipped.files["usr/local/bin/"+program], []byte(place)) {
				t.Errorf("%s stands in it", place)
			}
		}
	})
}

// What cargo says that a program is made of, and what its list of materials says.
func TestTheListOfMaterialsHasEveryCrate(t *testing.T) {
	out := madeImages(t)
	targets := map[string]string{"amd64": "x86_64-unknown-linux-gnu", "arm64": "aarch64-unknown-linux-gnu"}
	forEach(t, func(t *testing.T, program, arch string, _ shippedImage) {
		data, err := os.ReadFile(filepath.Join(out, program+"-"+arch+".cdx.json"))
		if err != nil {
			t.Fatal(err)
		}
		var list struct {
			BomFormat  string
			Components []struct{ Name, Version, Purl string }
		}
		if err := json.Unmarshal(data, &list); err != nil || list.BomFormat != "CycloneDX" {
			t.Fatalf("no list: %q, %v", list.BomFormat, err)
		}
		listed := map[string]bool{}
		for _, component := range list.Components {
			listed[component.Name+" v"+component.Version] = true
		}
		crates := cargoTree(t, program, targets[arch])
		for crate := range crates {
			if !listed[crate] {
				t.Errorf("%s is not in it", crate)
			}
		}
		if len(crates) < 100 {
			t.Errorf("cargo names only %d", len(crates))
		}
	})
}

// cargoTree is each crate that ends up in a program, as `name v1.2.3`.
func cargoTree(t *testing.T, program, target string) map[string]bool {
	t.Helper()
	command := exec.Command("cargo", "tree", "--locked", "--edges", "normal,no-proc-macro", "--target", target, "--prefix", "none", "--format", "{p}", "--package", program)
	command.Dir = "../.."
	output, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	crates := map[string]bool{}
	for line := range strings.Lines(string(output)) {
		if words := strings.Fields(line); len(words) >= 2 && words[0] != program {
			crates[words[0]+" "+words[1]] = true
		}
	}
	return crates
}
