package tests

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"
)

func itoa(number int) string { return strconv.Itoa(number) }

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// podOf is the template of an object's pods, or the object itself where it is one.
func podOf(t *testing.T, one object) *corev1.PodTemplateSpec {
	t.Helper()
	template := one.at("spec", "template")
	if one.kind() == "Pod" {
		template = map[string]any(one)
	}
	if _, ok := template.(map[string]any); !ok {
		return nil
	}
	text, err := json.Marshal(template)
	if err != nil {
		t.Fatal(err)
	}
	var pod corev1.PodTemplateSpec
	if err := json.Unmarshal(text, &pod); err != nil {
		t.Fatal(err)
	}
	return &pod
}

func TestPodsPassTheRestrictedStandard(t *testing.T) {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	restricted := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	tried := 0
	for name, set := range variants(t) {
		for _, one := range manifests(t, set, false) {
			pod := podOf(t, one)
			if pod == nil {
				continue
			}
			tried++
			for _, result := range evaluator.EvaluatePod(restricted, &pod.ObjectMeta, &pod.Spec) {
				if !result.Allowed {
					t.Errorf("%s: %s %s: %s %s", name, one.kind(), one.name(), result.ForbiddenReason, result.ForbiddenDetail)
				}
			}
			for _, container := range pod.Spec.Containers {
				if !*container.SecurityContext.ReadOnlyRootFilesystem {
					t.Errorf("%s: %s %s may write", name, one.kind(), one.name())
				}
			}
			if *pod.Spec.AutomountServiceAccountToken {
				t.Errorf("%s: %s %s has a token", name, one.kind(), one.name())
			}
		}
	}
	if tried < len(variants(t))*4 {
		t.Errorf("%d pods only", tried)
	}
}

// What the chart reckons with where a value says nothing is what the gateway does then, by its generated reference.
func TestTheChartKnowsTheDefaultsOfTheGateway(t *testing.T) {
	reference := readFile(t, "../../docs/configuration-gateway.md")
	templates, err := filepath.Glob(chartFolder + "/templates/*")
	if err != nil {
		t.Fatal(err)
	}
	tried := 0
	for _, path := range templates {
		if filepath.Ext(path) == "" {
			continue // a folder
		}
		for _, match := range regexp.MustCompile(`\.(CONFAB_\w+) \| default (\w+)`).FindAllStringSubmatch(readFile(t, path), -1) {
			tried++
			if !strings.Contains(reference, " | `"+match[1]+"` | `"+match[2]+"` | ") {
				t.Errorf("%s: %s is not %s by itself", path, match[1], match[2])
			}
		}
	}
	if tried < 4 {
		t.Errorf("%d defaults only", tried)
	}
}

func TestGraceFollowsFromTheDrain(t *testing.T) {
	for set, want := range map[string]int64{
		"": 35,
		"gateway: {config: {CONFAB_DRAIN_MS: 120000}}":                            135,
		"gateway: {config: {CONFAB_LAME_DUCK_MS: 15500, CONFAB_DRAIN_MS: 20000}}": 46,
	} {
		gateway := find(t, manifests(t, read(t, external+set), false), "Deployment", "talk-confab-gateway")
		if grace := *podOf(t, gateway).Spec.TerminationGracePeriodSeconds; grace != want {
			t.Errorf("%q: %d s", set, grace)
		}
	}
}

// New gateways wait until all old workers were replaced, and old workers until all new gateways were: that is no failure.
func TestADeploymentMayWaitForTheOtherOne(t *testing.T) {
	for set, want := range map[string]float64{
		external: 600 + 2*65 + 2*60,
		external + "gateway: {replicas: 4, config: {CONFAB_DRAIN_MS: 120000}}":                                                       600 + 4*165 + 2*60,
		external + "gateway: {autoscaling: {enabled: true, maxReplicas: 9}}\nworker: {autoscaling: {enabled: true, maxReplicas: 5}}": 600 + 9*65 + 5*60,
		external + "gateway: {keda: {enabled: true, maxReplicas: 7, prometheusAddress: 'http://p'}}\nworker: {replicas: 3}":          600 + 7*65 + 3*60,
	} {
		for _, program := range []string{"gateway", "worker"} {
			deployment := find(t, manifests(t, read(t, set), false), "Deployment", "talk-confab-"+program)
			if seconds := deployment.at("spec", "progressDeadlineSeconds"); seconds != want {
				t.Errorf("%q: %s: %v s", set, program, seconds)
			}
		}
	}
}

func TestAGatewayHasNoDatabase(t *testing.T) {
	for name, set := range variants(t) {
		gateway := find(t, manifests(t, set, false), "Deployment", "talk-confab-gateway")
		for _, variable := range podOf(t, gateway).Spec.Containers[0].Env {
			if variable.Name == "DATABASE_URL" {
				t.Errorf("%s: it has", name)
			}
		}
	}
}

func TestAChangedSettingOrSecretReplacesPods(t *testing.T) {
	annotations := func(set string) string {
		worker := find(t, manifests(t, read(t, set), false), "Deployment", "talk-confab-worker")
		text, _ := json.Marshal(podOf(t, worker).Annotations)
		return string(text)
	}
	if annotations(trial) == annotations(trial+"worker: {config: {CONFAB_SIGNUP: open}}") {
		t.Error("a setting does not")
	}
	if annotations(trial) == annotations(strings.ReplaceAll(trial, key, key+"x")) {
		t.Error("a secret does not")
	}
}

func TestTheSchemaComesBeforeThePrograms(t *testing.T) {
	hook := func(set string, upgrade bool) any {
		return find(t, manifests(t, read(t, set), upgrade), "Job", "talk-confab-migrate").at("metadata", "annotations", "helm.sh/hook")
	}
	const before = "pre-install,pre-upgrade"
	if hook(external, false) != before || hook(external, true) != before || hook(trial, true) != before {
		t.Error("where the database is there the migration is a hook")
	}
	if hook(trial, false) != nil {
		t.Error("at the first installation a trial's database comes with the release: a hook would wait for it for ever")
	}
	// A hook comes before the release's own Secret.
	own := "secret: {clusterKey: " + key + ", redisUrl: 'redis://r', databaseUrl: 'postgres://p'}"
	objects := manifests(t, read(t, own), false)
	job := podOf(t, find(t, objects, "Job", "talk-confab-migrate"))
	secret := find(t, objects, "Secret", job.Spec.Containers[0].Env[0].ValueFrom.SecretKeyRef.Name)
	if secret.at("metadata", "annotations", "helm.sh/hook") != before {
		t.Error("the migration's Secret is there too late")
	}
	// It may be left behind, so it holds what the Job needs, and goes whatever becomes of that.
	if data, _ := secret.at("stringData").(map[string]any); len(data) != 1 || data["DATABASE_URL"] != "postgres://p" {
		t.Errorf("the migration's Secret holds %v", data)
	}
	if policy := secret.at("metadata", "annotations", "helm.sh/hook-delete-policy"); policy != "before-hook-creation,hook-succeeded,hook-failed" {
		t.Errorf("the migration's Secret goes at %v", policy)
	}
	if job.Spec.ServiceAccountName != "" {
		t.Error("the release's account is there too late")
	}
}

// Whoever gets into a program gets no further than its database.
func TestATrialsRoleIsNoSuperuser(t *testing.T) {
	objects := manifests(t, read(t, trial), false)
	made, _ := find(t, objects, "Secret", "talk-confab").at("stringData").(map[string]any)
	role, _ := made["DATABASE_PASSWORD"].(string)
	if url, _ := made["DATABASE_URL"].(string); !strings.HasPrefix(url, "postgres://confab:"+role+"@") || role == made["POSTGRES_PASSWORD"] {
		t.Errorf("programs come as %s", url)
	}
	for _, variable := range podOf(t, find(t, objects, "StatefulSet", "talk-confab-postgres")).Spec.Containers[0].Env {
		if variable.Name == "POSTGRES_USER" {
			t.Errorf("the superuser is %s", variable.Value)
		}
	}
}

// Who lists the processes of a node reads their words.
func TestNoPasswordIsAWordOfACommand(t *testing.T) {
	secret := regexp.MustCompile(`\$\{?(DATABASE_URL|REDIS_URL|PGPASSWORD)`)
	reader := readFile(t, "../files/with-database.sh")
	body := strings.TrimSpace(reader[strings.Index(reader, "with_database()"):])
	for name, set := range variants(t) {
		for _, one := range manifests(t, set, true) {
			pod := podOf(t, one)
			if pod == nil {
				continue
			}
			for _, container := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
				words := strings.Join(slices.Concat(container.Command, container.Args), "\n")
				if found := secret.FindString(strings.ReplaceAll(words, body, "")); found != "" {
					t.Errorf("%s: %s %s says %s", name, one.kind(), one.name(), found)
				}
			}
		}
	}
}

// What reaches pg_dump of DATABASE_URL: the password by the environment, the rest by its words.
func TestThePasswordOfTheDatabaseGoesByTheEnvironment(t *testing.T) {
	for url, want := range map[string]string{
		"postgres://u:secret@h:5432/c":               "secret postgres://u@h:5432/c",
		"postgresql://u:a%2Fb%25%40c@h/c?x=y":        "a/b%@c postgresql://u@h/c?x=y",
		`postgres://u:a\nb@h/c`:                      `a\nb postgres://u@h/c`,
		"postgres://u@h/c":                           "before postgres://u@h/c",
		"postgres://h/c?user=u&sslmode=require":      "before postgres://h/c?user=u&sslmode=require",
		"postgres://u:@h/c":                          " postgres://u@h/c",
		"host=h dbname=c user=u":                     "before host=h dbname=c user=u",
		"postgres://u@h/c?password=secret":           "refused",
		"host=h password=secret":                     "refused",
		"password=secret host=h":                     "refused",
		"postgres://u@h/c?sslmode=x&password=secret": "refused",
	} {
		script := `source ../files/with-database.sh; say() { echo "$PGPASSWORD ${1#--dbname=}"; }; with_database say 2>/dev/null || echo refused`
		command := exec.Command("bash", "-c", script)
		command.Env = append(os.Environ(), "DATABASE_URL="+url, "PGPASSWORD=before")
		told, err := command.Output()
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.TrimSuffix(string(told), "\n"); got != want {
			t.Errorf("%s: %q, not %q", url, got, want)
		}
	}
}

// Who upgrades one program leaves the other one's pods as they are.
func TestANewVersionOfTheChartAloneReplacesNoPod(t *testing.T) {
	for name, set := range variants(t) {
		for _, one := range manifests(t, set, false) {
			pod := podOf(t, one)
			if pod == nil || one.kind() == "Pod" {
				continue
			}
			for label := range pod.Labels {
				if label == "helm.sh/chart" || label == "app.kubernetes.io/version" {
					t.Errorf("%s: %s %s has %s", name, one.kind(), one.name(), label)
				}
			}
		}
	}
}

// Secrets reach containers by reference, each by its name, and stand nowhere else.
func TestSecretsStandInSecretsAlone(t *testing.T) {
	const redis, database = "redis://:secret-r@r", "postgres://u:secret-p@p/c"
	set := read(t, "secret: {clusterKey: "+key+", redisUrl: '"+redis+"', databaseUrl: '"+database+"'}")
	texts, err := render(set, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{key, "secret-r", "secret-p"} {
		if strings.Contains(texts["templates/NOTES.txt"], secret) {
			t.Errorf("the notes tell %s", secret)
		}
		for _, one := range manifests(t, set, false) {
			text, _ := json.Marshal(one)
			if one.kind() != "Secret" && strings.Contains(string(text), secret) {
				t.Errorf("%s %s tells %s", one.kind(), one.name(), secret)
			}
		}
	}
	objects := manifests(t, read(t, trial), false)
	made, _ := find(t, objects, "Secret", "talk-confab").at("stringData").(map[string]any)
	for _, name := range []string{"POSTGRES_PASSWORD", "DATABASE_PASSWORD", "REDIS_PASSWORD"} {
		password, _ := made[name].(string)
		for _, one := range objects {
			text, _ := json.Marshal(one)
			if password == "" || one.kind() != "Secret" && strings.Contains(string(text), password) {
				t.Errorf("%s %s tells %s of a trial: %q", one.kind(), one.name(), name, password)
			}
		}
	}
	for name, set := range variants(t) {
		for _, one := range manifests(t, set, false) {
			if pod := podOf(t, one); pod != nil {
				for _, source := range pod.Spec.Containers[0].EnvFrom {
					if source.SecretRef != nil {
						t.Errorf("%s: %s %s gets a whole Secret", name, one.kind(), one.name())
					}
				}
			}
		}
	}
}

func TestALimitMayBeANumberOfBytes(t *testing.T) {
	if _, err := render(read(t, external+"gateway: {resources: {limits: {memory: 1073741824}}}"), false); err != nil {
		t.Error(err)
	}
}

// Others in the cluster may call their jobs so, too.
func TestAlertsLookAtTheirOwnNamespace(t *testing.T) {
	set := read(t, external+"metrics: {prometheusRule: {enabled: true}}")
	text, _ := yaml.Marshal(find(t, manifests(t, set, false), "PrometheusRule", "talk-confab")["spec"])
	selector := regexp.MustCompile(`\b(up|kube_cronjob_[a-z_]+|confab[_:][a-z_:0-9]+)\b(\{[^}]*\})?`)
	for _, found := range selector.FindAllStringSubmatch(strings.ReplaceAll(string(text), "record: confab:", ""), -1) {
		if !strings.HasPrefix(found[2], `{namespace="chat",`) {
			t.Errorf("%s does not", found[0])
		}
	}
}

// The migration drops old days of the log, so it has to know how many are kept.
func TestTheMigrationKeepsAsManyDaysAsTheWorkers(t *testing.T) {
	objects := manifests(t, read(t, external+"worker: {config: {CONFAB_RETENTION_DAYS: 30}}"), true)
	variables := podOf(t, find(t, objects, "Job", "talk-confab-migrate")).Spec.Containers[0].Env
	if !slices.Contains(variables, corev1.EnvVar{Name: "CONFAB_RETENTION_DAYS", Value: "30"}) {
		t.Error(variables)
	}
}

// Whatever would start programs, or scale them up, is away while the database is; then one Job does the rest in its order.
func TestARestoreRunsNothingButItsJob(t *testing.T) {
	for name, wanted := range map[string][]string{"recovery": nil, "restore": {"read-dump", "migrate", "new-epoch"}} {
		var done []string
		for _, one := range manifests(t, variants(t)[name], true) {
			switch one.kind() {
			case "Deployment":
				if one.at("spec", "replicas") != float64(0) {
					t.Errorf("%s: %s has replicas: %v", name, one.name(), one.at("spec", "replicas"))
				}
			case "HorizontalPodAutoscaler", "ScaledObject":
				t.Errorf("%s: a %s scales", name, one.kind())
			case "Job":
				pod := podOf(t, one)
				for _, container := range append(pod.Spec.InitContainers, pod.Spec.Containers...) {
					done = append(done, container.Name)
				}
			}
		}
		if !slices.Equal(done, wanted) {
			t.Errorf("%s: %v", name, done)
		}
	}
}

func TestPrometheusFindsMonitorsByTheirLabels(t *testing.T) {
	set := external + "commonAnnotations: {a: b}\nmetrics: {serviceMonitor: {enabled: true, labels: {release: p}}, prometheusRule: {enabled: true, labels: {release: p}}}"
	objects := manifests(t, read(t, set), false)
	for _, kind := range []string{"ServiceMonitor", "PrometheusRule"} {
		if find(t, objects, kind, "talk-confab").at("metadata", "labels", "release") != "p" {
			t.Errorf("%s has not", kind)
		}
	}
}

func TestSelectorsFindTheirPods(t *testing.T) {
	for name, set := range variants(t) {
		objects := manifests(t, set, false)
		for _, one := range objects {
			labels, ok := one.at("spec", "selector").(map[string]any)
			if one.kind() != "Service" || !ok {
				continue
			}
			found := slices.ContainsFunc(objects, func(other object) bool {
				pod := podOf(t, other)
				return pod != nil && contains(pod.Labels, labels)
			})
			if !found {
				t.Errorf("%s: Service %s finds no pod", name, one.name())
			}
		}
	}
}

func contains(labels map[string]string, wanted map[string]any) bool {
	for label, value := range wanted {
		if labels[label] != value {
			return false
		}
	}
	return true
}

// The operations port leaves the cluster by no door.
func TestTheOperationsPortStaysInside(t *testing.T) {
	for name, set := range variants(t) {
		for _, one := range manifests(t, set, false) {
			text, err := yaml.Marshal(one.at("spec"))
			if err != nil {
				t.Fatal(err)
			}
			says := strings.Contains(string(text), "ops") || strings.Contains(string(text), "9100")
			outside := one.kind() == "Ingress" || one.kind() == "HTTPRoute" || one.kind() == "Service" && one.at("spec", "clusterIP") != "None"
			if says && outside {
				t.Errorf("%s: %s %s", name, one.kind(), one.name())
			}
		}
	}
}

func TestNotesSayWhatIsNotHighlyAvailable(t *testing.T) {
	for set, says := range map[string]string{
		trial:                               "one Postgres and one Valkey",
		external + "stores: {mode: cnpg}":   "no backups of Postgres",
		external + "gateway: {replicas: 1}": "There is one gateway",
		external:                            "The first account administers",
	} {
		texts, err := render(read(t, set), false)
		if err != nil {
			t.Fatal(err)
		}
		notes := texts["templates/NOTES.txt"]
		if !strings.Contains(notes, says) || strings.Contains(notes, "NOT highly") != (set != external) {
			t.Errorf("%q: %s", set, notes)
		}
	}
}
