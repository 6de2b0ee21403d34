// SPDX-License-Identifier: Apache-2.0

// reader checks how calls and bodies were read against Kubo's own readers. It takes what
// `call_reader calls` or `call_reader multipart` wrote on stdin, prints every disagreement and a
// last line with counts, and exits 1 if there was one.
//
//	reader calls | multipart | catalogue
//	reader gateway ADDRESS STORAGE
//
// gateway sends the calls through the gateway at ADDRESS, being itself the storage at STORAGE behind it, and compares
// what arrives there.
// catalogue prints Kubo's table of commands as JSON, with what no daemon tells: types of options.
package main

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
)

// hexBytes is a JSON string of hex digits.
type hexBytes []byte

func (h *hexBytes) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	decoded, err := hex.DecodeString(text)
	*h = decoded
	return err
}

// checker counts, and prints the first disagreements.
type checker struct {
	line, agreed, refused, disagreed int
	kinder                           int // calls that were accepted though Kubo refuses them as typed
}

func (c *checker) disagree(format string, args ...any) {
	c.disagreed++
	if c.disagreed <= 20 {
		fmt.Printf("line %d: %s\n", c.line, fmt.Sprintf(format, args...))
	}
}

func (c *checker) run(check func(*checker, []byte) error) {
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	for {
		line, err := in.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			c.line++
			if err := check(c, line); err != nil {
				fmt.Printf("line %d: %v\n", c.line, err)
				os.Exit(2)
			}
		}
		if err != nil {
			break
		}
	}
	fmt.Printf("%d agreed, %d refused here, %d accepted that Kubo refuses as typed, %d disagreed\n",
		c.agreed, c.refused, c.kinder, c.disagreed)
	if c.disagreed > 0 || c.agreed == 0 || c.kinder > c.agreed/1000 {
		os.Exit(1)
	}
}

func main() {
	if len(os.Args) == 4 && os.Args[1] == "gateway" {
		if !checkGateway(os.Args[2], os.Args[3]) {
			os.Exit(1)
		}
		return
	}
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: reader calls | multipart | catalogue | gateway ADDRESS STORAGE")
		os.Exit(2)
	}
	var c checker
	switch os.Args[1] {
	case "calls":
		kubo := newKubo()
		c.run(func(c *checker, line []byte) error { return checkCall(c, kubo, line) })
	case "multipart":
		c.run(checkBody)
	case "catalogue":
		printCatalogue()
	default:
		os.Exit(2)
	}
}
