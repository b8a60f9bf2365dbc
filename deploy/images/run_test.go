package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// writeFiles lays out an image's files.
func writeFiles(t *testing.T, root string, shipped shippedImage) {
	t.Helper()
	for name, data := range shipped.files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, shipped.modes[name].Perm()); err != nil {
			t.Fatal(err)
		}
	}
}

// inRoot is a command whose root is a folder, as the user of the images, in an empty environment.
func inRoot(root string, words ...string) *exec.Cmd {
	command := exec.Command(words[0], words[1:]...)
	// An absolute path is not looked for outside.
	command.Path, command.Err, command.Dir, command.Env = words[0], nil, "/", []string{}
	command.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: 10001, Gid: 10001}}
	return command
}

// An empty root, the image's files and its user: the program needs nothing else.
func TestProgramsRunInTheirImageAlone(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("chroot takes root")
	}
	forEach(t, func(t *testing.T, program, arch string, shipped shippedImage) {
		if arch != runtime.GOARCH {
			t.Skip("for another machine: it is TestEachArchitectureTalks that runs it")
		}
		root := t.TempDir()
		// The folders of a test are its owner's alone.
		for folder := root; folder != filepath.Dir(os.TempDir()) && folder != os.TempDir(); folder = filepath.Dir(folder) {
			if err := os.Chmod(folder, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		writeFiles(t, root, shipped)
		output, err := inRoot(root, "/usr/local/bin/"+program, "--version").CombinedOutput()
		if err != nil || !strings.HasPrefix(string(output), program+" ") {
			t.Errorf("%v: %s", err, output)
		}
		if program == "loadtest" {
			return
		}
		output, err = inRoot(root, shipped.config.Config.Healthcheck.Test[1:]...).CombinedOutput()
		if err == nil || !strings.Contains(string(output), "does not answer") {
			t.Errorf("nobody listens, and it says of its health %v: %s", err, output)
		}
	})
}

// Two people talk on whole clusters of the shipped programs, which get killed; other machines' under emulation.
func TestEachArchitectureTalks(t *testing.T) {
	out := madeImages(t)
	arches, err := architectures(filepath.Join(out, "programs"))
	if err != nil {
		t.Fatal(err)
	}
	for _, arch := range arches {
		t.Run(arch, func(t *testing.T) {
			folder := filepath.Join(out, "programs", arch)
			if arch != runtime.GOARCH {
				folder = emulated(t, folder, arch)
			}
			talk := exec.Command(filepath.Join(folder, "loadtest"), "demo")
			talk.Env = append(os.Environ(), "CONFAB_BIN_DIR="+folder)
			output, err := talk.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, output)
			}
			t.Logf("%s", output)
		})
	}
}

// emulated is a folder of the same programs, each of which starts qemu.
func emulated(t *testing.T, folder, arch string) string {
	t.Helper()
	qemu, err := exec.LookPath("qemu-" + map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[arch] + "-static")
	if err != nil {
		t.Fatal(err)
	}
	wrappers := t.TempDir()
	for _, program := range programs {
		script := "#!/bin/sh\nexec " + qemu + " " + filepath.Join(folder, program) + " \"$@\"\n"
		if err := os.WriteFile(filepath.Join(wrappers, program), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return wrappers
}
