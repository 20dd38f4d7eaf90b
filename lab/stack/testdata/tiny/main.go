// Command tiny is the smallest service that the tests of lab/stack can run: it
// answers every request with its name, does on request what faults can be seen
// by, or dies as it is told.
package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strconv"
	"syscall"
	"time"
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
	http.HandleFunc("/slow", slow)
	http.HandleFunc("/get", fetch)
	http.HandleFunc("/burn", burn)
	http.HandleFunc("/bytes", bytes)
	http.HandleFunc("/write", write)
	http.HandleFunc("/eat", eat)
	http.HandleFunc("/print", printLines)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	s := &http.Server{Addr: ":8080"}
	go func() {
		fmt.Println(s.ListenAndServe())
	}()
	<-ctx.Done()
	_ = s.Shutdown(context.Background()) // what is under way is finished
}

func number(r *http.Request, name string) int {
	n, _ := strconv.Atoi(r.FormValue(name))
	return n
}

// slow answers after ms milliseconds.
func slow(w http.ResponseWriter, r *http.Request) {
	time.Sleep(time.Duration(number(r, "ms")) * time.Millisecond)
	fmt.Fprintln(w, "at last")
}

// fetch gets url within ms milliseconds, on a new connection, and says how long
// that took or what went wrong.
func fetch(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), time.Duration(number(r, "ms"))*time.Millisecond)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, r.FormValue("url"), nil)
	if err == nil {
		q.Close = true
		began := time.Now()
		var res *http.Response
		if res, err = http.DefaultClient.Do(q); err == nil {
			_, err = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
		}
		if err == nil {
			fmt.Fprintln(w, "ok", time.Since(began).Milliseconds())
			return
		}
	}
	fmt.Fprintln(w, "error", err)
}

// burn computes as long as takes ms milliseconds of a whole processor, by the
// processor time used, and says how long that took by the clock.
func burn(w http.ResponseWriter, r *http.Request) {
	began, from := time.Now(), cpu()
	for cpu()-from < time.Duration(number(r, "ms"))*time.Millisecond {
	}
	fmt.Fprintln(w, time.Since(began).Milliseconds())
}

func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// bytes answers n bytes.
func bytes(w http.ResponseWriter, r *http.Request) {
	_, _ = w.Write(make([]byte, number(r, "n")))
}

// write writes n bytes into a file.
func write(w http.ResponseWriter, r *http.Request) {
	if err := os.WriteFile(r.FormValue("path"), make([]byte, number(r, "n")), 0o600); err != nil {
		fmt.Fprintln(w, "error", err)
		return
	}
	fmt.Fprintln(w, "ok")
}

// printLines prints n lines of 500 bytes, numbered from 1: fifty at each tick, so
// that whoever follows the log reads while it is written and its files change.
func printLines(w http.ResponseWriter, r *http.Request) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for i := range number(r, "n") {
		if i%50 == 0 {
			<-tick.C
		}
		fmt.Printf("line %0494d\n", i+1)
	}
	fmt.Fprintln(w, "ok")
}

// eat takes n bytes of memory and gives them back.
func eat(w http.ResponseWriter, r *http.Request) {
	b := make([]byte, number(r, "n"))
	for i := range b {
		b[i] = 1
	}
	runtime.KeepAlive(b)
	b = nil
	debug.FreeOSMemory()
	fmt.Fprintln(w, "ok")
}
