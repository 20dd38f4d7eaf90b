// Command bare is the least that a Go program can do for a request. It stands in
// for the app behind the very same NGINX, so that `make bench` can say what
// share of the possible the app reaches on this machine.
package main

import (
	"log"
	"net/http"
	"os"
	"time"
)

func main() {
	name := os.Getenv("INSTANCE")
	if len(os.Args) > 1 && os.Args[1] == "healthcheck" {
		if _, err := http.Get("http://127.0.0.1:8080/"); err != nil {
			log.Fatal(err)
		}
		return
	}
	body := []byte("ok\n")
	s := &http.Server{Addr: ":8080", ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Served-By", name)
		_, _ = w.Write(body)
	})}
	log.Fatal(s.ListenAndServe())
}
