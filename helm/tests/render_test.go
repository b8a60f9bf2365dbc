// Package tests renders the chart with Helm's own engine, without a cluster, and holds the result against what it promises.
package tests

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/lint"
	"helm.sh/helm/v4/pkg/chart/v2/lint/support"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
	"sigs.k8s.io/yaml"
)

// kubernetes is the version that manifests are rendered for and checked against.
const kubernetes = "v1.37.2"

// chartFolder is the chart, seen from here.
const chartFolder = ".."

type values = map[string]any

// object is a manifest.
type object map[string]any

func (o object) kind() string { return o["kind"].(string) }
func (o object) name() string { return o.at("metadata", "name").(string) }

// at is what stands at the end of a path, or nil.
func (o object) at(path ...string) any {
	var here any = map[string]any(o)
	for _, key := range path {
		fields, _ := here.(map[string]any)
		here = fields[key]
	}
	return here
}

// render is what `helm install` would send, or with upgrade `helm upgrade`, by the templates' names.
func render(set values, upgrade bool) (map[string]string, error) {
	chart, err := loader.LoadDir(chartFolder)
	if err != nil {
		return nil, err
	}
	version, err := common.ParseKubeVersion(kubernetes)
	if err != nil {
		return nil, err
	}
	capabilities := common.DefaultCapabilities.Copy()
	capabilities.KubeVersion = *version
	release := common.ReleaseOptions{Name: "talk", Namespace: "chat", Revision: 1, IsInstall: !upgrade, IsUpgrade: upgrade}
	all, err := util.ToRenderValues(chart, set, release, capabilities)
	if err != nil {
		return nil, err
	}
	rendered, err := engine.Render(chart, all)
	if err != nil {
		return nil, err
	}
	texts := map[string]string{}
	for path, text := range rendered {
		if strings.TrimSpace(text) != "" {
			texts[strings.TrimPrefix(path, "confab/")] = text
		}
	}
	return texts, nil
}

// manifests are the objects of a rendering, in the order of their templates.
func manifests(t *testing.T, set values, upgrade bool) []object {
	t.Helper()
	texts, err := render(set, upgrade)
	if err != nil {
		t.Fatal(err)
	}
	var found []object
	for _, path := range slices.Sorted(maps.Keys(texts)) {
		if strings.HasSuffix(path, ".txt") {
			continue
		}
		for _, document := range strings.Split("\n"+texts[path], "\n---") {
			var one object
			if err := yaml.UnmarshalStrict([]byte(document), &one); err != nil {
				t.Fatalf("%s: %v\n%s", path, err, document)
			}
			if one != nil {
				found = append(found, one)
			}
		}
	}
	return found
}

func find(t *testing.T, objects []object, kind, name string) object {
	t.Helper()
	for _, one := range objects {
		if one.kind() == kind && one.name() == name {
			return one
		}
	}
	t.Fatalf("there is no %s %s", kind, name)
	return nil
}

// read parses values.
func read(t *testing.T, text string) values {
	t.Helper()
	set, err := common.ReadValues([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// variants are the sets of values that are tried, by their names. Together they set each value.
func variants(t *testing.T) map[string]values {
	t.Helper()
	files, err := filepath.Glob("variants/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no variants", err)
	}
	found := map[string]values{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found[strings.TrimSuffix(filepath.Base(file), ".yaml")] = read(t, string(text))
	}
	return found
}

// current compares a file with what it should hold, or writes it with UPDATE_DOCS=1.
func current(t *testing.T, file, want string) {
	t.Helper()
	if os.Getenv("UPDATE_DOCS") != "" {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	have, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) == want {
		return
	}
	old, now := strings.Split(string(have), "\n"), strings.Split(want, "\n")
	for line := range min(len(old), len(now)) {
		if old[line] != now[line] {
			t.Fatalf("%s is stale from line %d on: `make chart UPDATE_DOCS=1` writes it anew\n- %s\n+ %s", file, line+1, old[line], now[line])
		}
	}
	t.Fatalf("%s is stale at its end: `make chart UPDATE_DOCS=1` writes it anew", file)
}

func TestRenderingsAreWhatTheyWere(t *testing.T) {
	for name, set := range variants(t) {
		texts, err := render(set, false)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var all strings.Builder
		for _, path := range slices.Sorted(maps.Keys(texts)) {
			fmt.Fprintf(&all, "# %s\n%s\n", path, strings.TrimSpace(texts[path]))
		}
		current(t, "snapshots/"+name+".txt", all.String())
	}
}

func TestLintFindsNothing(t *testing.T) {
	version, err := common.ParseKubeVersion(kubernetes)
	if err != nil {
		t.Fatal(err)
	}
	for name, set := range variants(t) {
		found := lint.RunAll(chartFolder, set, "chat", lint.WithKubeVersion(version))
		for _, message := range found.Messages {
			if message.Severity > support.InfoSev {
				t.Errorf("%s: %v", name, message)
			}
		}
	}
}
