package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"inventariolab/lab"
	"inventariolab/lab/stack"
	"inventariolab/lab/stack/stacktest"
)

func TestMain(m *testing.M) { stacktest.Main(m) }

// theStack is the reference stack that all tests of this package share: its
// four real MySQL servers. Its app instances run beside the tests, unused.
func theStack(t testing.TB) *stack.Stack {
	t.Helper()
	return stacktest.Stack(t)
}

// healTimeout is how long a killed server may take to be usable again.
const healTimeout = 2 * time.Minute

// kill ends a service's process for the time of during, and brings it back.
func kill(t *testing.T, service string, during func()) {
	t.Helper()
	fault, err := theStack(t).NewFault(lab.FaultSpec{Kind: "kill", Service: service})
	require.NoError(t, err)
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), healTimeout)
		defer cancel()
		require.NoError(t, fault.Heal(ctx))
	}()
	require.NoError(t, fault.Inject(t.Context()))
	during()
}
