package stack_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"inventariolab/lab"
	"inventariolab/lab/stack"
)

// Up starts a Compose project and returns when all of its services are usable;
// Down removes everything that belongs to it.
func ExampleUp() {
	_ = func() {
		ctx := context.Background()
		s, err := stack.Up(ctx, stack.Options{
			Files:    []string{"docker-compose.yml"},
			Progress: func(line string) { fmt.Println(line) },
		})
		if err != nil {
			log.Fatalf("%v\ntry: %s", err, lab.HintOf(err))
		}
		defer s.Down(ctx)
		addr, err := s.Addr(ctx, "maestro1", 3306) // 127.0.0.1:… as published now
		if err != nil {
			log.Print(err)
			return
		}
		fmt.Println("the source listens on", addr)
	}
}

// A fault returns from Inject only when it is proven to be in effect, and from
// Heal only when it is proven to be gone.
func ExampleStack_NewFault() {
	_ = func(ctx context.Context, s *stack.Stack) error {
		f, err := s.NewFault(lab.FaultSpec{Kind: "kill", Service: "slave1"})
		if err != nil {
			return err
		}
		if err := f.Inject(ctx); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		return f.Heal(ctx)
	}
}
