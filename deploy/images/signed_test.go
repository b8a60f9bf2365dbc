package main

import (
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// signer signs and checks with the program `cosign`, as docs/images.md says, and with no service of others.
type signer struct {
	t               *testing.T
	program, folder string
	repository      name.Repository
}

// newSigner has two pairs of keys, `cosign` and `other`, and a registry in this process.
func newSigner(t *testing.T) signer {
	t.Helper()
	program := os.Getenv("CONFAB_COSIGN")
	if program == "" {
		t.Skip("`make images-test` sets CONFAB_COSIGN")
	}
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0)), registry.WithReferrersSupport(true)))
	t.Cleanup(server.Close)
	repository, err := name.NewRepository(strings.TrimPrefix(server.URL, "http://") + "/confab-gateway")
	if err != nil {
		t.Fatal(err)
	}
	s := signer{t, program, t.TempDir(), repository}
	for _, pair := range []string{"cosign", "other"} {
		s.must("generate-key-pair", "--output-key-prefix", pair)
	}
	s.must("signing-config", "create", "--out", "offline.json")
	return s
}

// run is cosign without a network: what it looks for elsewhere it cannot reach.
func (s signer) run(words ...string) (string, error) {
	command := exec.Command(s.program, words...)
	command.Dir = s.folder
	command.Env = []string{
		"HOME=" + s.folder, "PATH=" + os.Getenv("PATH"), "COSIGN_PASSWORD=secret",
		"HTTPS_PROXY=http://127.0.0.1:9", "HTTP_PROXY=http://127.0.0.1:9", "NO_PROXY=127.0.0.1",
	}
	output, err := command.CombinedOutput()
	return string(output), err
}

func (s signer) must(words ...string) {
	s.t.Helper()
	if output, err := s.run(words...); err != nil {
		s.t.Fatalf("cosign %s: %v\n%s", strings.Join(words, " "), err, output)
	}
}

func (s signer) sign(image string) {
	s.t.Helper()
	s.must("sign", "--yes", "--signing-config", "offline.json", "--key", "cosign.key", image)
}

func (s signer) verify(key, image string) (string, error) {
	return s.run("verify", "--insecure-ignore-tlog", "--key", key+".pub", image)
}

func (s signer) mustRefuse(key, image string) {
	s.t.Helper()
	if output, err := s.verify(key, image); err == nil {
		s.t.Errorf("%s passes with the key %s:\n%s", image, key, output)
	} else {
		s.t.Logf("refused: %s", output)
	}
}

// push sends an index under a tag, and returns its name by digest.
func (s signer) push(tag string, index v1.ImageIndex) string {
	s.t.Helper()
	if err := remote.WriteIndex(s.repository.Tag(tag), index); err != nil {
		s.t.Fatal(err)
	}
	digest, err := index.Digest()
	if err != nil {
		s.t.Fatal(err)
	}
	return s.repository.Digest(digest.String()).String()
}

// altered is the same index with another program for one machine.
func altered(t *testing.T, index v1.ImageIndex) v1.ImageIndex {
	t.Helper()
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	first := manifest.Manifests[0]
	image, err := index.Image(first.Digest)
	if err != nil {
		t.Fatal(err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.Config.Entrypoint = []string{"/usr/local/bin/something-else"}
	if image, err = mutate.ConfigFile(image, config); err != nil {
		t.Fatal(err)
	}
	return mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: first.Platform}})
}

func TestAnAlteredImageIsRefused(t *testing.T) {
	s := newSigner(t)
	index := readIndex(t, writeFake(t, fakePrograms(t, "amd64", "arm64"), "gateway"), "confab-gateway")
	signed := s.push("1.2.3", index)
	s.mustRefuse("cosign", signed)
	s.sign(signed)
	for _, image := range []string{signed, s.repository.Tag("1.2.3").String()} {
		if output, err := s.verify("cosign", image); err != nil {
			t.Fatalf("%s was signed, and does not pass: %v\n%s", image, err, output)
		}
	}
	s.mustRefuse("other", signed)

	// Under the same tag, alone and with the signature of the real one.
	other := s.push("1.2.3", altered(t, index))
	s.mustRefuse("cosign", s.repository.Tag("1.2.3").String())
	if moved := s.moveSignatures(signed, other); moved == 0 {
		t.Fatal("there was no signature to move")
	}
	s.mustRefuse("cosign", other)
	s.mustRefuse("cosign", s.repository.Tag("1.2.3").String())
}

// moveSignatures says of each signature of one image that it is another's.
func (s signer) moveSignatures(from, to string) (moved int) {
	s.t.Helper()
	read := func(image string) (name.Digest, v1.Descriptor) {
		digest, err := name.NewDigest(image)
		if err != nil {
			s.t.Fatal(err)
		}
		descriptor, err := remote.Head(digest)
		if err != nil {
			s.t.Fatal(err)
		}
		return digest, *descriptor
	}
	source, _ := read(from)
	_, target := read(to)
	referrers, err := remote.Referrers(source)
	if err != nil {
		s.t.Fatal(err)
	}
	list, err := referrers.IndexManifest()
	if err != nil {
		s.t.Fatal(err)
	}
	for _, entry := range list.Manifests {
		signature, err := remote.Image(s.repository.Digest(entry.Digest.String()))
		if err != nil {
			s.t.Fatal(err)
		}
		forged := mutate.Subject(signature, target).(v1.Image)
		digest, err := forged.Digest()
		if err != nil {
			s.t.Fatal(err)
		}
		if err := remote.Write(s.repository.Digest(digest.String()), forged); err != nil {
			s.t.Fatal(err)
		}
		moved++
	}
	return moved
}

func TestTheListOfMaterialsIsSignedWithTheImage(t *testing.T) {
	s := newSigner(t)
	signed := s.push("1.2.3", readIndex(t, writeFake(t, fakePrograms(t, "amd64"), "gateway"), "confab-gateway"))
	list := `{"bomFormat": "CycloneDX", "specVersion": "1.5", "components": [{"type": "library", "name": "tokio", "version": "1.54.0"}]}`
	if err := os.WriteFile(filepath.Join(s.folder, "gateway.cdx.json"), []byte(list), 0o600); err != nil {
		t.Fatal(err)
	}
	attest := []string{"--type", "cyclonedx", "--key"}
	verify := append([]string{"verify-attestation", "--insecure-ignore-tlog"}, attest...)
	if output, err := s.run(append(verify, "cosign.pub", signed)...); err == nil {
		t.Fatalf("nothing was attested, and it passes:\n%s", output)
	}
	s.must(append([]string{"attest", "--yes", "--signing-config", "offline.json", "--predicate", "gateway.cdx.json"}, append(attest, "cosign.key", signed)...)...)
	s.must(append(verify, "cosign.pub", signed)...)
	if output, err := s.run(append(verify, "other.pub", signed)...); err == nil {
		t.Errorf("it passes with the key of another:\n%s", output)
	}
}
