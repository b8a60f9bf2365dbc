// Command images writes the images of Confab without Docker: for each an OCI layout with all architectures that were compiled, and
// the same as an archive. What is in them is read from the last stages of the Dockerfile. The same programs give the same
// bytes: names are sorted, times are that of the commit, and nothing else of where they were made is in them.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// What is written, and from what.
type settings struct {
	dockerfile, programs, out, version, revision string
	created                                      time.Time
}

func main() {
	var s settings
	flag.StringVar(&s.dockerfile, "dockerfile", "Dockerfile", "where the stages are")
	flag.StringVar(&s.programs, "programs", "", "a folder with one for each architecture: what the stage `build` has in /image")
	flag.StringVar(&s.out, "out", "", "folder of the layouts and archives")
	flag.StringVar(&s.version, "version", "", "their tag")
	flag.StringVar(&s.revision, "revision", "", "the commit they are made of")
	epoch := flag.Int64("epoch", 0, "their time, in seconds since 1970")
	flag.Parse()
	s.created = time.Unix(*epoch, 0).UTC()
	for _, name := range flag.Args() {
		if err := write(s, name); err != nil {
			fmt.Fprintf(os.Stderr, "images: %s: %v\n", name, err)
			os.Exit(1)
		}
	}
}

// write makes the image of a stage for each architecture, and prints what came out.
func write(s settings, name string) error {
	stage, err := readStage(s.dockerfile, name)
	if err != nil {
		return err
	}
	images, err := buildImages(s, name, stage)
	if err != nil {
		return err
	}
	digest, err := writeLayout(s, "confab-"+name, images)
	if err != nil {
		return err
	}
	for _, image := range images {
		fmt.Printf("%-16s %-6s %5.1f MB  %5.1f MB to fetch\n", "confab-"+name, image.arch, megabytes(image.unpacked), megabytes(image.packed))
	}
	fmt.Printf("%-16s %s\n", "confab-"+name, digest)
	return nil
}

func megabytes(bytes int64) float64 { return float64(bytes) / 1e6 }

// architectures are the folders of what was compiled.
func architectures(programs string) ([]string, error) {
	folders, err := filepath.Glob(filepath.Join(programs, "*64"))
	if err == nil && len(folders) == 0 {
		err = fmt.Errorf("nothing was compiled in %q", programs)
	}
	for i := range folders {
		folders[i] = filepath.Base(folders[i])
	}
	return folders, err
}
