package main

import (
	"fmt"
	"os"
	"path"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// The stage that compiles, and the folder in it that images are made of.
const (
	buildStage  = "build"
	buildFolder = "/image/"
)

// stage is what a stage of the Dockerfile says: how an image runs, and which file of the folder goes where.
type stage struct {
	config v1.Config
	files  map[string]string // by their paths in the image
}

// readStage reads a stage and those that it begins with, down to scratch.
func readStage(dockerfile, name string) (*stage, error) {
	file, err := os.Open(dockerfile)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	parsed, err := parser.Parse(file)
	if err != nil {
		return nil, err
	}
	stages, _, err := instructions.Parse(parsed.AST, nil)
	if err != nil {
		return nil, err
	}
	return collectStage(stages, name)
}

func collectStage(stages []instructions.Stage, name string) (*stage, error) {
	if name == "scratch" {
		return &stage{files: map[string]string{}}, nil
	}
	at, found := instructions.HasStage(stages, name)
	if !found {
		return nil, fmt.Errorf("the Dockerfile has no stage %q", name)
	}
	collected, err := collectStage(stages, stages[at].BaseName)
	if err != nil {
		return nil, err
	}
	for _, command := range stages[at].Commands {
		if err := collected.apply(command); err != nil {
			return nil, err
		}
	}
	return collected, nil
}

// apply takes over what one instruction says, and refuses one that would make another image with Docker than here.
func (s *stage) apply(command instructions.Command) error {
	switch c := command.(type) {
	case *instructions.CopyCommand:
		return s.copy(c)
	case *instructions.EnvCommand:
		for _, pair := range c.Env {
			s.config.Env = append(s.config.Env, pair.Key+"="+pair.Value)
		}
	case *instructions.ExposeCommand:
		s.config.ExposedPorts = map[string]struct{}{}
		for _, port := range c.Ports {
			s.config.ExposedPorts[port+"/tcp"] = struct{}{}
		}
	case *instructions.UserCommand:
		s.config.User = c.User
	case *instructions.EntrypointCommand:
		s.config.Entrypoint = c.CmdLine
		return withoutShell(c.PrependShell, command)
	case *instructions.CmdCommand:
		s.config.Cmd = c.CmdLine
		return withoutShell(c.PrependShell, command)
	case *instructions.HealthCheckCommand:
		s.config.Healthcheck = &v1.HealthConfig{
			Test: c.Health.Test, Interval: c.Health.Interval, Timeout: c.Health.Timeout, StartPeriod: c.Health.StartPeriod,
		}
	default:
		return fmt.Errorf("%v is not for an image of one program", command)
	}
	return nil
}

func (s *stage) copy(c *instructions.CopyCommand) error {
	plain := c.From == buildStage && len(c.SourcePaths) == 1 && len(c.SourceContents) == 0 && c.Chown == "" && c.Chmod == "" &&
		strings.HasPrefix(c.SourcePaths[0], buildFolder) && path.IsAbs(c.DestPath) && path.Clean(c.DestPath) == c.DestPath
	if !plain {
		return fmt.Errorf("%v does not copy one file from %s of the stage %s", c, buildFolder, buildStage)
	}
	s.files[c.DestPath] = strings.TrimPrefix(c.SourcePaths[0], buildFolder)
	return nil
}

func withoutShell(shell bool, command instructions.Command) error {
	if shell {
		return fmt.Errorf("%v takes a shell, and the image has none", command)
	}
	return nil
}
