// Serves custom.metrics.k8s.io from what pods say of themselves: for each pod that an autoscaler asks for, the sum of one metric at its
// operations port. It stands in for the Prometheus adapter, asks the pods at once, and keeps nothing.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	custom "k8s.io/metrics/pkg/apis/custom_metrics/v1beta1"
)

const (
	opsPort = "9100"
	metric  = "confab_gateway_connections"
	api     = "/apis/custom.metrics.k8s.io/v1beta1"
)

type adapter struct {
	cluster kubernetes.Interface
	asker   http.Client
}

func main() {
	kubeconfig := flag.String("kubeconfig", "", "who it is in the cluster")
	listen := flag.String("listen", "", "address")
	certificate := flag.String("certificate", "", "file of its certificate")
	key := flag.String("key", "", "file of its key")
	flag.Parse()
	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		log.Fatal(err)
	}
	adapter := adapter{kubernetes.NewForConfigOrDie(config), http.Client{Timeout: 2 * time.Second}}
	http.HandleFunc("GET "+api, discover)
	http.HandleFunc("GET "+api+"/namespaces/{namespace}/pods/*/"+metric, adapter.tell)
	log.Fatal(http.ListenAndServeTLS(*listen, *certificate, *key, nil))
}

func discover(answer http.ResponseWriter, _ *http.Request) {
	write(answer, metav1.APIResourceList{
		TypeMeta:     metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"},
		GroupVersion: custom.SchemeGroupVersion.String(),
		APIResources: []metav1.APIResource{
			{Name: "pods/" + metric, Namespaced: true, Kind: "MetricValueList", Verbs: metav1.Verbs{"get"}},
		},
	})
}

func (a *adapter) tell(answer http.ResponseWriter, request *http.Request) {
	namespace := request.PathValue("namespace")
	selector := metav1.ListOptions{LabelSelector: request.URL.Query().Get("labelSelector")}
	pods, err := a.cluster.CoreV1().Pods(namespace).List(request.Context(), selector)
	if err != nil {
		http.Error(answer, err.Error(), http.StatusBadGateway)
		return
	}
	list := custom.MetricValueList{TypeMeta: metav1.TypeMeta{Kind: "MetricValueList", APIVersion: custom.SchemeGroupVersion.String()}}
	for _, pod := range pods.Items {
		value, err := a.ask(pod)
		if err != nil {
			// The autoscaler passes over a pod that nothing is known of.
			log.Printf("%s: %v", pod.Name, err)
			continue
		}
		list.Items = append(list.Items, custom.MetricValue{
			DescribedObject: corev1.ObjectReference{Kind: "Pod", Namespace: namespace, Name: pod.Name, APIVersion: "v1"},
			MetricName:      metric,
			Timestamp:       metav1.Now(),
			Value:           *resource.NewMilliQuantity(int64(value*1000), resource.DecimalSI),
		})
	}
	write(answer, list)
}

// ask sums the metric over its labels.
func (a *adapter) ask(pod corev1.Pod) (float64, error) {
	said, err := a.asker.Get("http://" + net.JoinHostPort(pod.Status.PodIP, opsPort) + "/metrics")
	if err != nil {
		return 0, err
	}
	defer said.Body.Close()
	sum, found := 0.0, false
	for lines := bufio.NewScanner(said.Body); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		if name, _, _ = strings.Cut(name, "{"); name != metric {
			continue
		}
		number, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return 0, err
		}
		sum, found = sum+number, true
	}
	if !found {
		return 0, fmt.Errorf("it does not tell %s", metric)
	}
	return sum, nil
}

func write(answer http.ResponseWriter, value any) {
	answer.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(answer).Encode(value); err != nil {
		log.Print(err)
	}
}
