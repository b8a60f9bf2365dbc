package main

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// image is one for one architecture.
type image struct {
	v1.Image
	arch             string
	unpacked, packed int64
}

// buildImages makes a stage's image for each architecture.
func buildImages(s settings, name string, from *stage) ([]image, error) {
	arches, err := architectures(s.programs)
	if err != nil {
		return nil, err
	}
	var images []image
	for _, arch := range arches {
		built, err := buildImage(s, name, arch, from)
		if err != nil {
			return nil, err
		}
		images = append(images, built)
	}
	return images, nil
}

func buildImage(s settings, name, arch string, from *stage) (image, error) {
	content, err := packFiles(from.files, filepath.Join(s.programs, arch), s.created)
	if err != nil {
		return image{}, err
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }
	layer, err := tarball.LayerFromOpener(open, tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return image{}, err
	}
	packed, err := layer.Size()
	if err != nil {
		return image{}, err
	}
	config := from.config
	config.Labels = map[string]string{
		"org.opencontainers.image.title":    "confab-" + name,
		"org.opencontainers.image.version":  s.version,
		"org.opencontainers.image.revision": s.revision,
		"org.opencontainers.image.licenses": "Apache-2.0",
	}
	base := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	built, err := mutate.Append(base, mutate.Addendum{Layer: layer, History: v1.History{Created: v1.Time{Time: s.created}, CreatedBy: "make images"}})
	if err != nil {
		return image{}, err
	}
	file, err := built.ConfigFile()
	if err != nil {
		return image{}, err
	}
	file = file.DeepCopy()
	file.Architecture, file.OS, file.Created, file.Config = arch, "linux", v1.Time{Time: s.created}, config
	built, err = mutate.ConfigFile(built, file)
	return image{built, arch, int64(len(content)), packed}, err
}

// packFiles is a tar of files by their paths in the image, each after its folders, all of root and of one time.
func packFiles(files map[string]string, folder string, created time.Time) ([]byte, error) {
	var content bytes.Buffer
	archive := tar.NewWriter(&content)
	entry := func(name string, kind byte, mode, size int64) error {
		return archive.WriteHeader(&tar.Header{
			Typeflag: kind, Name: strings.TrimPrefix(name, "/"), Mode: mode, Size: size, ModTime: created, Format: tar.FormatPAX,
		})
	}
	for _, name := range withFolders(files) {
		source, isFile := files[name]
		if !isFile {
			if err := entry(name+"/", tar.TypeDir, 0o755, 0); err != nil {
				return nil, err
			}
			continue
		}
		data, err := os.ReadFile(filepath.Join(folder, source))
		if err != nil {
			return nil, err
		}
		mode := int64(0o644)
		if strings.HasPrefix(name, "/usr/local/bin/") {
			mode = 0o755
		}
		if err := entry(name, tar.TypeReg, mode, int64(len(data))); err != nil {
			return nil, err
		}
		if _, err := archive.Write(data); err != nil {
			return nil, err
		}
	}
	err := archive.Close()
	return content.Bytes(), err
}

// withFolders are the paths and those of their folders, sorted.
func withFolders(files map[string]string) []string {
	var names []string
	for name := range files {
		for ; name != "/"; name = path.Dir(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
