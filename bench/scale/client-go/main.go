// Follows LinkedServiceAccounts and pods with client-go's informers, and keeps the same pod fields as the operator's informers in
// follow.ts. This program is the peer in the scenario "scale".
//
// Usage: client-go KUBECONFIG json|protobuf. Prints JSON lines: one when both informers have synced, and then one after every
// thousand pod changes with their total number.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

var accounts = schema.GroupVersionResource{Group: "k11n.dev", Version: "v1alpha1", Resource: "linkedserviceaccounts"}

// Fields that src/workloads/pod.ts reads.
var (
	keptLabels      = []string{"k11n.dev/app", "k11n.dev/target", "pod-template-hash"}
	keptAnnotations = []string{"k11n.dev/identity", "eks.amazonaws.com/skip-containers"}
	keptEnv         = map[string]bool{"AWS_ROLE_ARN": true, "AWS_WEB_IDENTITY_TOKEN_FILE": true, "AWS_CONTAINER_CREDENTIALS_FULL_URI": true}
)

func main() {
	if len(os.Args) != 3 {
		fail("usage: client-go KUBECONFIG json|protobuf")
	}
	started := time.Now()
	config, err := clientcmd.BuildConfigFromFlags("", os.Args[1])
	check(err)
	config.UserAgent = "bench-client-go"
	forAccounts, err := dynamic.NewForConfig(config)
	check(err)
	if os.Args[2] == "protobuf" {
		// These are the content types that controller-runtime sets for built-in kinds.
		config.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
		config.ContentType = "application/vnd.kubernetes.protobuf"
	}
	forPods, err := kubernetes.NewForConfig(config)
	check(err)

	accountInformer := dynamicinformer.NewDynamicSharedInformerFactory(forAccounts, 0).ForResource(accounts).Informer()
	check(accountInformer.SetTransform(trimAccount))
	podInformer := informers.NewSharedInformerFactory(forPods, 0).Core().V1().Pods().Informer()
	check(podInformer.SetTransform(trimPod))
	check(podInformer.AddIndexers(cache.Indexers{"serviceAccount": func(object any) ([]string, error) {
		pod := object.(*corev1.Pod)
		return []string{pod.Namespace + "/" + pod.Spec.ServiceAccountName}, nil
	}}))
	var changes atomic.Int64
	_, err = podInformer.AddEventHandler(cache.ResourceEventHandlerFuncs{UpdateFunc: func(any, any) {
		if seen := changes.Add(1); seen%1000 == 0 {
			tell(map[string]any{"changes": seen})
		}
	}})
	check(err)
	stop := make(chan struct{})
	go accountInformer.Run(stop)
	go podInformer.Run(stop)
	if !cache.WaitForCacheSync(stop, accountInformer.HasSynced, podInformer.HasSynced) {
		fail("not in step")
	}
	tell(map[string]any{
		"synced":   true,
		"ms":       time.Since(started).Milliseconds(),
		"accounts": len(accountInformer.GetStore().ListKeys()),
		"pods":     len(podInformer.GetStore().ListKeys()),
	})
	select {}
}

func trimAccount(object any) (any, error) {
	if account, ok := object.(*unstructured.Unstructured); ok {
		account.SetManagedFields(nil)
	}
	return object, nil
}

func trimPod(object any) (any, error) {
	pod, ok := object.(*corev1.Pod)
	if !ok {
		return object, nil
	}
	kept := &corev1.Pod{
		TypeMeta: pod.TypeMeta,
		ObjectMeta: metav1.ObjectMeta{
			Name: pod.Name, Namespace: pod.Namespace, UID: pod.UID, ResourceVersion: pod.ResourceVersion,
			DeletionTimestamp: pod.DeletionTimestamp, CreationTimestamp: pod.CreationTimestamp, OwnerReferences: pod.OwnerReferences,
			Labels: only(pod.Labels, keptLabels), Annotations: only(pod.Annotations, keptAnnotations),
		},
		Spec: corev1.PodSpec{
			ServiceAccountName: pod.Spec.ServiceAccountName,
			Containers:         trimContainers(pod.Spec.Containers),
			InitContainers:     trimContainers(pod.Spec.InitContainers),
		},
		Status: corev1.PodStatus{Phase: pod.Status.Phase, ContainerStatuses: pod.Status.ContainerStatuses},
	}
	for _, volume := range pod.Spec.Volumes {
		if volume.Projected != nil {
			kept.Spec.Volumes = append(kept.Spec.Volumes, volume)
		}
	}
	return kept, nil
}

func trimContainers(containers []corev1.Container) []corev1.Container {
	kept := make([]corev1.Container, 0, len(containers))
	for _, container := range containers {
		next := corev1.Container{Name: container.Name, VolumeMounts: container.VolumeMounts}
		for _, variable := range container.Env {
			if keptEnv[variable.Name] {
				next.Env = append(next.Env, variable)
			}
		}
		kept = append(kept, next)
	}
	return kept
}

func only(from map[string]string, keys []string) map[string]string {
	kept := map[string]string{}
	for _, key := range keys {
		if value, ok := from[key]; ok {
			kept[key] = value
		}
	}
	return kept
}

func tell(line map[string]any) {
	text, err := json.Marshal(line)
	check(err)
	fmt.Println(string(text))
}

func check(err error) {
	if err != nil {
		fail(err.Error())
	}
}

func fail(message string) {
	fmt.Fprintln(os.Stderr, message)
	os.Exit(1)
}
