package stack_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"inventariolab/lab/stack"
)

func TestEachLineOnce(t *testing.T) {
	const a, b, c = "2026-05-04T10:00:00.000000001Z a\n", "2026-05-04T10:00:00.000000002Z b\n", "2026-05-04T10:00:00.000000003Z a\n"
	for _, row := range []struct{ name, in, want string }{
		{"nothing", "", ""},
		{"as they come, without their stamps", a + b, "a\nb\n"},
		{"the last ones again, when the engine changes files", a + b + a + b + c, "a\nb\na\n"},
		{"printed twice is two lines: the stamps differ", a + c, "a\na\n"},
		{"cut off", a + "2026-05-04T10:00:00.000000002Z hal", "a\nhal"},
	} {
		t.Run(row.name, func(t *testing.T) {
			var out strings.Builder
			require.NoError(t, stack.EachOnce(&out, strings.NewReader(row.in)))
			assert.Equal(t, row.want, out.String())
		})
	}
	bad := errors.New("the engine went away")
	assert.ErrorIs(t, stack.EachOnce(io.Discard, io.MultiReader(strings.NewReader(a), iotest.ErrReader(bad))), bad)
}
