package tests

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// The choices that a default does not show.
var choices = map[string]values{
	"image.pullPolicy":                           {"enum": []string{"Always", "IfNotPresent", "Never"}},
	"stores.mode":                                {"enum": []string{"external", "cnpg", "trial"}},
	"service.type":                               {"enum": []string{"ClusterIP", "NodePort", "LoadBalancer"}},
	"service.externalTrafficPolicy":              {"enum": []string{"", "Cluster", "Local"}},
	"ingress.controller":                         {"enum": []string{"", "nginx", "haproxy", "alb"}},
	"gateway.podDisruptionBudget.maxUnavailable": {"type": []string{"integer", "string"}, "pattern": "^[0-9]+%$", "minimum": 0},
	"worker.podDisruptionBudget.maxUnavailable":  {"type": []string{"integer", "string"}, "pattern": "^[0-9]+%$", "minimum": 0},
	"gateway.image.digest":                       {"type": "string", "pattern": "^(sha256:[0-9a-f]{64})?$"},
	"worker.image.digest":                        {"type": "string", "pattern": "^(sha256:[0-9a-f]{64})?$"},
	"test.image.digest":                          {"type": "string", "pattern": "^(sha256:[0-9a-f]{64})?$"},
	"gateway.config":                             {"of": "gateway"},
	"worker.config":                              {"of": "worker"},
}

// What the chart itself tells the programs.
var ownSettings = regexp.MustCompile(`^(CONFAB_(LISTEN|OPS_LISTEN|NODE|CLUSTER_KEY|CLUSTER_KEY_FILE|PUSH_KEYS|PUSH_KEYS_FILE|PUSH_CONTACT)|REDIS_URL|DATABASE_URL)$`)

// A leaf of values.yaml, or a part with a comment of its own.
type value struct {
	path, meaning string
	node          *yaml.Node
}

// isOpen says whether a map takes any key: those that are written in braces do.
func isOpen(node *yaml.Node) bool {
	return node.Kind == yaml.MappingNode && node.Style == yaml.FlowStyle
}

// isLeaf says whether the reference goes no deeper.
func isLeaf(node *yaml.Node) bool { return node.Kind != yaml.MappingNode || isOpen(node) }

// walk calls visit for each value below node.
func walk(node *yaml.Node, path string, visit func(value)) {
	for at := 0; at+1 < len(node.Content); at += 2 {
		key, below := node.Content[at], node.Content[at+1]
		comment := strings.ReplaceAll(strings.ReplaceAll(key.HeadComment, "# ", ""), "\n", " ")
		here := strings.TrimPrefix(path+"."+key.Value, ".")
		visit(value{here, comment, below})
		if !isLeaf(below) {
			walk(below, here, visit)
		}
	}
}

func readDefaults(t *testing.T) *yaml.Node {
	t.Helper()
	text, err := os.ReadFile(chartFolder + "/values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	return document.Content[0]
}

// settings are the names that a program knows, by its generated reference, but for those that the chart sets.
func settings(t *testing.T, program string) []string {
	t.Helper()
	text, err := os.ReadFile("../../docs/configuration-" + program + ".md")
	if err != nil {
		t.Fatal(err)
	}
	serving := strings.Split(string(text), "## `worker migrate`")[0]
	var found []string
	for _, match := range regexp.MustCompile("(?m)^\\| `--[^`]+` \\| `([A-Z_]+)` ").FindAllStringSubmatch(serving, -1) {
		if !ownSettings.MatchString(match[1]) {
			found = append(found, match[1])
		}
	}
	if len(found) == 0 {
		t.Fatal("the reference names no setting of", program)
	}
	return found
}

// describe is the schema of a value, which follows from its default.
func describe(t *testing.T, node *yaml.Node, path string) values {
	t.Helper()
	choice, chosen := choices[path]
	if program, ok := choice["of"].(string); ok {
		known := values{}
		for _, name := range settings(t, program) {
			known[name] = values{"type": []string{"string", "number", "boolean"}}
		}
		return values{"type": "object", "properties": known, "additionalProperties": false}
	}
	switch {
	case chosen:
		return choice
	case isOpen(node):
		return values{"type": "object"}
	case node.Kind == yaml.MappingNode:
		known := values{}
		for at := 0; at+1 < len(node.Content); at += 2 {
			key := node.Content[at].Value
			known[key] = describe(t, node.Content[at+1], strings.TrimPrefix(path+"."+key, "."))
		}
		return values{"type": "object", "properties": known, "additionalProperties": false}
	case node.Kind == yaml.SequenceNode:
		return values{"type": "array"}
	case node.Tag == "!!bool":
		return values{"type": "boolean"}
	case node.Tag == "!!int":
		return values{"type": "integer", "minimum": 0}
	default:
		return values{"type": "string"}
	}
}

func TestSchemaFollowsFromTheValues(t *testing.T) {
	schema := describe(t, readDefaults(t), "")
	schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	schema["$comment"] = "Made from values.yaml: `make chart UPDATE_DOCS=1`."
	schema["properties"].(values)["global"] = values{"type": "object", "$comment": "Helm's own, where the chart is part of another."}
	text, err := json.MarshalIndent(schema, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	current(t, chartFolder+"/values.schema.json", string(text)+"\n")
}

func TestReferenceFollowsFromTheValues(t *testing.T) {
	var page strings.Builder
	page.WriteString("<!-- Generated from helm/values.yaml. `make chart UPDATE_DOCS=1` writes it anew. -->\n# Values of the Helm chart\n\n" +
		"[kubernetes.md](kubernetes.md) says how they go together. What is refused is in `helm/templates/checks.yaml`.\n\n" +
		"| Value | Default | Meaning |\n|---|---|---|\n")
	walk(readDefaults(t), "", func(one value) {
		if !isLeaf(one.node) && one.meaning == "" {
			return
		}
		shown := ""
		if isLeaf(one.node) {
			shown = "`" + inline(t, one.node) + "`"
		}
		fmt.Fprintf(&page, "| `%s` | %s | %s |\n", one.path, shown, one.meaning)
	})
	current(t, "../../docs/configuration-chart.md", page.String())
}

// inline is a value on one line.
func inline(t *testing.T, node *yaml.Node) string {
	t.Helper()
	var content any
	if err := node.Decode(&content); err != nil {
		t.Fatal(err)
	}
	if text, ok := content.(string); ok && text != "" {
		return text
	}
	text, err := json.Marshal(content)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Every value is set by some variant, and takes effect: without it the rendering is another one, or refused.
func TestEveryValueTakesEffect(t *testing.T) {
	effective := map[string]bool{}
	for name, set := range variants(t) {
		with, err := render(set, false)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		walk(readDefaults(t), "", func(one value) {
			if !isLeaf(one.node) || effective[one.path] {
				return
			}
			rest, was := without(set, strings.Split(one.path, "."))
			if !was {
				return
			}
			texts, err := render(rest, false)
			effective[one.path] = err != nil || fmt.Sprint(texts) != fmt.Sprint(with)
		})
	}
	walk(readDefaults(t), "", func(one value) {
		if isLeaf(one.node) && !effective[one.path] {
			t.Errorf("no variant shows what %s does", one.path)
		}
	})
}

// without copies values but for one, and says whether that was among them.
func without(set values, path []string) (values, bool) {
	rest, was := values{}, false
	for key, content := range set {
		switch below, isMap := content.(values); {
		case key != path[0]:
			rest[key] = content
		case len(path) == 1:
			was = true
		case isMap:
			rest[key], was = without(below, path[1:])
		}
	}
	return rest, was
}
