// Holds what nodes saw on their wires against the chart's NetworkPolicies: each flow has to be allowed, and each rule to be needed.
//
//	flows -namespace NAME -pods FILE -policies FILE -unseen FILE LOG…
//
// The pods are those that ever were, as `kubectl get pods --all-namespaces --watch --output json` tells them; the policies come with the
// namespaces, as one list; each log is of `conntrack --event --output timestamp` on one node. In the file of the unseen each line is a
// rule that no flow needs, a colon and why.
package main

import (
	"flag"
	"fmt"
	"log"
	"maps"
	"os"
	"slices"
)

func main() {
	log.SetFlags(0)
	namespace := flag.String("namespace", "", "where the chart is")
	pods := flag.String("pods", "", "file of the pods that ever were")
	policies := flag.String("policies", "", "file of the policies and namespaces")
	unseen := flag.String("unseen", "", "file of the rules that no flow needs")
	flag.Parse()
	cluster, err := readCluster(*pods, *policies, *namespace)
	if err != nil {
		log.Fatal(err)
	}
	excused, err := readUnseen(*unseen)
	if err != nil {
		log.Fatal(err)
	}
	found, err := cluster.judge(flag.Args())
	if err != nil {
		log.Fatal(err)
	}
	for _, line := range slices.Sorted(maps.Keys(found.allowed)) {
		fmt.Printf("%7d  %s\n", found.allowed[line], line)
	}
	wrong := append(found.refused(), cluster.unneeded(excused)...)
	for _, line := range wrong {
		log.Print(line)
	}
	if len(wrong) > 0 {
		os.Exit(1)
	}
}
