// Command tiny is the smallest service that the tests of lab/stack can run: it
// answers every request with its name, or dies as it is told.
package main

import (
	"fmt"
	"net/http"
	"os"
)

func main() {
	fmt.Println("tiny starts as", os.Getenv("NAME"))
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "die":
			fmt.Println("tiny: cannot open the vault")
			os.Exit(3)
		case "check":
			if _, err := http.Get("http://127.0.0.1:8080/"); err != nil {
				fmt.Println("check:", err)
				os.Exit(1)
			}
			return
		case "fail":
			fmt.Println("never healthy")
			os.Exit(1)
		}
	}
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Served-By", os.Getenv("NAME"))
		fmt.Fprintln(w, "hello from", os.Getenv("NAME"))
	})
	fmt.Println(http.ListenAndServe(":8080", nil))
}
