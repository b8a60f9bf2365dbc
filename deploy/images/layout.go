package main

import (
	"archive/tar"
	"io"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// writeLayout writes OUT/NAME, an OCI layout of one index over all architectures, and OUT/NAME.tar, the same as one file. It
// returns the digest of the index, which registries know the image by.
func writeLayout(s settings, name string, images []image) (v1.Hash, error) {
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, image := range images {
		platform := &v1.Platform{OS: "linux", Architecture: image.arch}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: platform}})
	}
	folder := filepath.Join(s.out, name)
	if err := os.RemoveAll(folder); err != nil {
		return v1.Hash{}, err
	}
	written, err := layout.Write(folder, empty.Index)
	if err != nil {
		return v1.Hash{}, err
	}
	// The first is the tag for every tool, the second the whole name for containerd.
	names := layout.WithAnnotations(map[string]string{
		"org.opencontainers.image.ref.name": s.version,
		"io.containerd.image.name":          "docker.io/library/" + name + ":" + s.version,
	})
	if err := written.AppendIndex(index, names); err != nil {
		return v1.Hash{}, err
	}
	if err := archiveFolder(folder, folder+".tar", s); err != nil {
		return v1.Hash{}, err
	}
	return index.Digest()
}

// archiveFolder packs the files of a folder, in the order of their names.
func archiveFolder(folder, path string, s settings) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	archive := tar.NewWriter(file)
	err = filepath.WalkDir(folder, func(name string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		return archiveFile(archive, folder, name, s)
	})
	if err == nil {
		err = archive.Close()
	}
	if closed := file.Close(); err == nil {
		err = closed
	}
	return err
}

func archiveFile(archive *tar.Writer, folder, name string, s settings) error {
	relative, err := filepath.Rel(folder, name)
	if err != nil {
		return err
	}
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	status, err := file.Stat()
	if err != nil {
		return err
	}
	header := &tar.Header{Name: filepath.ToSlash(relative), Mode: 0o644, Size: status.Size(), ModTime: s.created, Format: tar.FormatPAX}
	if err := archive.WriteHeader(header); err != nil {
		return err
	}
	_, err = io.Copy(archive, file)
	return err
}
