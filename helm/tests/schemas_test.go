package tests

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"sigs.k8s.io/yaml"
)

// Where the schemas of objects are, by API group: files of Go modules. %s stands for the name of a resource, where each has its own.
var schemas = map[string]struct{ module, path string }{
	"":                          {"k8s.io/kubernetes@" + kubernetes, "api/openapi-spec/v3/api__v1_openapi.json"},
	"apps":                      {"k8s.io/kubernetes@" + kubernetes, "api/openapi-spec/v3/apis__apps__v1_openapi.json"},
	"autoscaling":               {"k8s.io/kubernetes@" + kubernetes, "api/openapi-spec/v3/apis__autoscaling__v2_openapi.json"},
	"batch":                     {"k8s.io/kubernetes@" + kubernetes, "api/openapi-spec/v3/apis__batch__v1_openapi.json"},
	"networking.k8s.io":         {"k8s.io/kubernetes@" + kubernetes, "api/openapi-spec/v3/apis__networking.k8s.io__v1_openapi.json"},
	"policy":                    {"k8s.io/kubernetes@" + kubernetes, "api/openapi-spec/v3/apis__policy__v1_openapi.json"},
	"gateway.networking.k8s.io": {"sigs.k8s.io/gateway-api@v1.6.3", "config/crd/standard/%s.yaml"},
	"keda.sh":                   {"github.com/kedacore/keda/v2@v2.21.0", "config/crd/bases/%s.yaml"},
	"monitoring.coreos.com":     {"github.com/prometheus-operator/prometheus-operator@v0.85.0", "example/prometheus-operator-crd/%s.yaml"},
	"postgresql.cnpg.io":        {"github.com/cloudnative-pg/cloudnative-pg@v1.27.0", "config/crd/bases/%s.yaml"},
	"barmancloud.cnpg.io":       {"github.com/cloudnative-pg/plugin-barman-cloud@v0.15.0", "config/crd/bases/%s.yaml"},
}

// moduleFolder fetches a module, once for each machine, and says where it is.
func moduleFolder(t *testing.T, module string) string {
	t.Helper()
	command := exec.Command("go", "mod", "download", "-json", module)
	command.Dir = t.TempDir() // beside our own module, whose versions it is not to touch
	text, err := command.Output()
	var found struct{ Dir, Error string }
	if bad := json.Unmarshal(text, &found); bad != nil || found.Dir == "" {
		t.Fatalf("%s: %v %s", module, err, found.Error)
	}
	return found.Dir
}

// closeObjects makes objects of a schema refuse what it does not name, as the API server does with strict validation.
func closeObjects(schema any) {
	switch part := schema.(type) {
	case map[string]any:
		_, names := part["properties"].(map[string]any)
		_, open := part["additionalProperties"]
		_, kept := part["x-kubernetes-preserve-unknown-fields"]
		if names && !open && !kept {
			part["additionalProperties"] = false
		}
		for key, below := range part {
			// Alternatives name only what they require.
			if key != "anyOf" && key != "oneOf" && key != "allOf" && key != "not" || hasReference(below) {
				closeObjects(below)
			}
		}
	case []any:
		for _, below := range part {
			closeObjects(below)
		}
	}
}

func hasReference(part any) bool { return strings.Contains(fmt.Sprint(part), "$ref") }

// schemaOf finds the schema of an object: its document, and the place in that.
func schemaOf(t *testing.T, one object) (string, any, string) {
	t.Helper()
	version := one["apiVersion"].(string)
	group, version, found := strings.Cut(version, "/")
	if !found {
		group, version = "", group
	}
	source, known := schemas[group]
	if !known {
		t.Fatalf("no schemas of %q", group)
	}
	path := source.path
	if strings.Contains(path, "%s") {
		path = fmt.Sprintf(path, group+"_"+strings.ToLower(one.kind())+"s")
	}
	var document map[string]any
	if err := yaml.Unmarshal([]byte(readFile(t, moduleFolder(t, source.module)+"/"+path)), &document); err != nil {
		t.Fatal(err)
	}
	if of, custom := document["spec"].(map[string]any); custom {
		for _, each := range of["versions"].([]any) {
			each := each.(map[string]any)
			if each["name"] == version {
				return path, each["schema"].(map[string]any)["openAPIV3Schema"], ""
			}
		}
		t.Fatalf("%s has no version %s", path, version)
	}
	all := document["components"].(map[string]any)["schemas"].(map[string]any)
	for name := range all {
		if strings.HasSuffix(name, "."+version+"."+one.kind()) {
			return path, document, "#/components/schemas/" + name
		}
	}
	t.Fatalf("%s has no %s", path, one.kind())
	return "", nil, ""
}

func TestObjectsFitTheSchemasOfTheirKinds(t *testing.T) {
	compiled := map[string]*jsonschema.Schema{}
	for name, set := range variants(t) {
		for _, one := range manifests(t, set, false) {
			kind := fmt.Sprint(one["apiVersion"], " ", one.kind())
			schema := compiled[kind]
			if schema == nil {
				path, document, place := schemaOf(t, one)
				closeObjects(document)
				if of, custom := document.(map[string]any)["properties"].(map[string]any); custom {
					of["metadata"] = map[string]any{"type": "object"} // a CRD leaves it to the API server
				}
				compiler := jsonschema.NewCompiler()
				if err := compiler.AddResource(path, document); err != nil {
					t.Fatal(err)
				}
				var err error
				if schema, err = compiler.Compile(path + place); err != nil {
					t.Fatal(err)
				}
				compiled[kind] = schema
			}
			if err := schema.Validate(map[string]any(one)); err != nil {
				t.Errorf("%s: %s %s: %v", name, kind, one.name(), err)
			}
		}
	}
	if len(compiled) < 15 {
		t.Errorf("%d kinds only", len(compiled))
	}
}

// The schemas refuse what is wrong, or the test above would say nothing.
func TestTheSchemasRefuse(t *testing.T) {
	for what, spec := range map[string]string{
		"an unknown field": "{replicas: 2, replica: 3}",
		"a wrong type":     "{replicas: two}",
		"a missing field":  "{replicas: 2}",
	} {
		one := object(read(t, "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\nspec: "+spec))
		path, document, place := schemaOf(t, one)
		closeObjects(document)
		compiler := jsonschema.NewCompiler()
		if err := compiler.AddResource(path, document); err != nil {
			t.Fatal(err)
		}
		if compiler.MustCompile(path+place).Validate(map[string]any(one)) == nil {
			t.Errorf("%s passes", what)
		}
	}
}
