package main

import (
	"archive/tar"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// shippedImage is what a layout holds for one architecture.
type shippedImage struct {
	v1.Image
	config *v1.ConfigFile
	files  map[string][]byte
	modes  map[string]fs.FileMode
}

// readIndex is the index of a layout over its architectures.
func readIndex(t *testing.T, out, name string) v1.ImageIndex {
	t.Helper()
	outer, err := layout.ImageIndexFromPath(filepath.Join(out, name))
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := outer.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	index, err := outer.ImageIndex(manifest.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	return index
}

func readImage(t *testing.T, out, name, arch string) shippedImage {
	t.Helper()
	index := readIndex(t, out, name)
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range manifest.Manifests {
		if entry.Platform.Architecture == arch {
			image, err := index.Image(entry.Digest)
			if err != nil {
				t.Fatal(err)
			}
			return unpack(t, image)
		}
	}
	t.Fatalf("%s has nothing for %s", name, arch)
	return shippedImage{}
}

func unpack(t *testing.T, image v1.Image) shippedImage {
	t.Helper()
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	shipped := shippedImage{image, config, map[string][]byte{}, map[string]fs.FileMode{}}
	content := mutate.Extract(image)
	defer content.Close()
	archive := tar.NewReader(content)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return shipped
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		shipped.modes[header.Name] = header.FileInfo().Mode()
		if header.Typeflag == tar.TypeReg {
			shipped.files[header.Name] = data
		}
	}
}
