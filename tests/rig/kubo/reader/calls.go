// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	gopath "path"
	"slices"
	"strings"

	"github.com/ipfs/boxo/path"
	"github.com/ipfs/go-cid"
	"github.com/ipfs/kubo/core/commands/cmdutils"
)

type argument struct {
	Text    hexBytes `json:"text"`
	Kind    string   `json:"kind"`
	Path    string   `json:"path"`
	Root    hexBytes `json:"root"`
	Subpath hexBytes `json:"subpath"`
}

type option struct {
	Name string   `json:"name"`
	Text hexBytes `json:"text"`
}

type call struct {
	Raw       hexBytes   `json:"raw"`
	RawBody   hexBytes   `json:"raw_body"`
	Command   string     `json:"command"` // empty: refused
	Arguments []argument `json:"arguments"`
	Options   []option   `json:"options"`
	Target    hexBytes   `json:"target"`
	Body      hexBytes   `json:"body"`
	NeedsFile bool       `json:"needs_file"`
}

const (
	printedBoundary = "causeway-arguments-5b3f9c0a7d214e86"
	emptyCar        = "\x11\xa2eroots\x80gversion\x01" // what dag/import takes, and for the others a file like any
	file            = "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n" + emptyCar + "\r\n--B--\r\n"
)

// options as Kubo would have them: those of the call over the defaults, without the gateway's own, which no node hears of.
func (c *call) options(k *kubo) map[string]string {
	options := map[string]string{}
	for name, value := range k.defaultsOf(c.Command) {
		options[name] = value
	}
	given := map[string][]string{}
	for _, option := range c.Options {
		if strings.HasPrefix(option.Name, "cw-") {
			continue
		}
		given[option.Name] = append(given[option.Name], string(option.Text))
	}
	for name, values := range given {
		options[name] = strings.Join(values, "\x00")
	}
	return options
}

// difference between a call and what Kubo read; "" if there is none.
func (c *call) difference(k *kubo, read *recording) string {
	if read.path != c.Command {
		return "another command: " + read.path
	}
	texts := []string{}
	for _, a := range c.Arguments {
		texts = append(texts, string(a.Text))
	}
	if !slices.Equal(texts, read.arguments) {
		return fmt.Sprintf("other arguments: %q", read.arguments)
	}
	want := c.options(k)
	for name, value := range want {
		if got, ok := read.options[name]; !ok || got != value {
			return fmt.Sprintf("option %s is %q, not %q", name, got, value)
		}
	}
	for name := range read.options {
		if _, ok := want[name]; ok {
			continue
		}
		if known, stripped := k.known(c.Command, name); known && !stripped {
			return "option " + name + " was not in the call"
		}
	}
	return ""
}

// fromRaw makes the recording of a request as it was typed comparable: what is said in two ways.
func fromRaw(read *recording) *recording {
	if value, ok := read.options["local"]; ok {
		read.options["offline"] = value
		delete(read.options, "local")
	}
	if read.options["to-files"] == "" {
		if _, ok := read.options["to-files"]; ok {
			read.options["to-files"] = "/"
		}
	}
	return read
}

func checkCall(c *checker, k *kubo, line []byte) error {
	var call call
	if err := json.Unmarshal(line, &call); err != nil {
		return err
	}
	if call.Command == "" {
		c.refused++
		return nil
	}
	body, boundary, rawBody := []byte(call.Body), printedBoundary, []byte(call.RawBody)
	if call.NeedsFile {
		body, rawBody, boundary = []byte(file), []byte(file), "B"
	}

	read, answer := k.call(call.Target, body, boundary)
	if read == nil {
		c.disagree("%s: Kubo answers %s", call.Target, answer)
		return nil
	}
	if difference := call.difference(k, read); difference != "" {
		c.disagree("%s: %s", call.Target, difference)
		return nil
	}
	if len(read.options) != len(call.options(k)) {
		c.disagree("%s: more options: %q", call.Target, read.options)
		return nil
	}

	read, _ = k.call(call.Raw, rawBody, "B")
	if read == nil { // over what is dropped here: an odd value of `debug`, the name of a body's file
		c.kinder++
	} else if difference := call.difference(k, fromRaw(read)); difference != "" {
		c.disagree("as typed: %s: %s", call.Raw, difference)
		return nil
	}

	for i := range call.Arguments {
		if difference := call.Arguments[i].difference(); difference != "" {
			c.disagree("%s: argument %q: %s", call.Target, call.Arguments[i].Text, difference)
			return nil
		}
	}
	c.agreed++
	return nil
}

// --- Paths ---

// difference between an argument's path and Kubo's reading of it.
func (a *argument) difference() string {
	text := string(a.Text)
	switch a.Kind {
	case "path":
		return a.asContent(cmdutils.PathOrCidPath(text))
	case "cid":
		c, err := cmdutils.CidFromArg(text)
		if err != nil || !bytes.Equal(c.Bytes(), a.Root) || len(a.Subpath) > 0 {
			return fmt.Sprintf("CID %s, %v", c, err)
		}
	case "name":
		if a.Path != "ipns" || strings.TrimPrefix(text, "/ipns/") != string(a.Root) || len(a.Subpath) > 0 {
			return "another name"
		}
	case "name-path":
		p, err := path.NewPathFromURI(text)
		if err != nil {
			p, err = path.NewPath("/ipns/" + text)
		}
		return a.asContent(p, err)
	case "mfs-or-path":
		if p, err := path.NewPathFromURI(text); err == nil {
			return a.asContent(p, nil)
		}
		return a.asFile(text)
	case "mfs":
		return a.asFile(text)
	default:
		if a.Path != "none" {
			return "a path where none is meant"
		}
	}
	return ""
}

func (a *argument) asContent(p path.Path, err error) string {
	if err != nil {
		return err.Error()
	}
	segments := p.Segments()
	if segments[0] != a.Path {
		return "namespace " + segments[0]
	}
	if root, err := cid.Decode(segments[1]); a.Path != "ipns" && (err != nil || !bytes.Equal(root.Bytes(), a.Root)) {
		return "another root: " + segments[1]
	}
	if a.Path == "ipns" && segments[1] != string(a.Root) {
		return "another name: " + segments[1]
	}
	if rest := path.SegmentsToString(segments[2:]...); rest != string(a.Subpath) {
		return "another subpath: " + rest
	}
	return ""
}

func (a *argument) asFile(text string) string {
	cleaned := gopath.Clean(text)
	if strings.HasSuffix(text, "/") && cleaned != "/" {
		cleaned += "/"
	}
	if a.Path != "mfs" || !strings.HasPrefix(text, "/") || cleaned != string(a.Subpath) {
		return "another file: " + cleaned
	}
	return ""
}
