// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/url"
	gopath "path"
	"strconv"
	"strings"
)

type part struct {
	Name     hexBytes `json:"name"`
	Filename hexBytes `json:"filename"`
	Kind     string   `json:"kind"`
	Abspath  bool     `json:"abspath"`
	Mode     uint64   `json:"mode"`
	Mtime    int64    `json:"mtime"`
	Data     hexBytes `json:"data"`
}

type bodyReading struct {
	Body     hexBytes `json:"body"`
	Accepted bool     `json:"accepted"`
	Parts    []part   `json:"parts"`
}

// nameOf is the name that Kubo gives a part's file.
func nameOf(p *multipart.Part) string {
	_, parameters, err := mime.ParseMediaType(p.Header.Get("Content-Disposition"))
	if err != nil {
		return "(none)"
	}
	name := parameters["filename"]
	if unescaped, err := url.QueryUnescape(name); err == nil {
		name = unescaped
	}
	return gopath.Clean("/" + name)
}

func kindOf(p *multipart.Part) string {
	header := p.Header.Get("Content-Type")
	if header == "" {
		return "file"
	}
	media, _, err := mime.ParseMediaType(header)
	switch {
	case err != nil:
		return "malformed"
	case media == "application/x-directory", media == "multipart/form-data":
		return "directory"
	case media == "application/symlink":
		return "symlink"
	}
	return "file"
}

// difference between a part and Go's reading of it.
func (want *part) difference(p *multipart.Part, data []byte) string {
	if !bytes.Equal(data, want.Data) {
		return fmt.Sprintf("data %q, not %q", data, want.Data)
	}
	if name := nameOf(p); name != string(want.Filename) {
		return fmt.Sprintf("named %q, not %q", name, want.Filename)
	}
	if p.FormName() != string(want.Name) {
		return fmt.Sprintf("field %q, not %q", p.FormName(), want.Name)
	}
	if kind := kindOf(p); kind != want.Kind {
		return "a " + kind + ", not a " + want.Kind
	}
	if abspath := p.Header.Get("abspath") != "" || p.Header.Get("abspath-encoded") != ""; abspath != want.Abspath {
		return "abspath"
	}
	_, query, _ := strings.Cut(p.FormName(), "?")
	values, _ := url.ParseQuery(query)
	mode, _ := strconv.ParseUint(values.Get("mode"), 8, 32)
	mtime, _ := strconv.ParseInt(values.Get("mtime"), 10, 64)
	if mode != want.Mode || mtime != want.Mtime {
		return fmt.Sprintf("mode %o, mtime %d", mode, mtime)
	}
	return ""
}

func checkBody(c *checker, line []byte) error {
	var reading bodyReading
	if err := json.Unmarshal(line, &reading); err != nil {
		return err
	}
	if !reading.Accepted {
		c.refused++
		return nil
	}
	reader := multipart.NewReader(bytes.NewReader(reading.Body), "B")
	for i := 0; ; i++ {
		p, err := reader.NextPart()
		if err == io.EOF && i == len(reading.Parts) {
			c.agreed++
			return nil
		}
		if err != nil || i >= len(reading.Parts) {
			c.disagree("%q: part %d of %d: %v", reading.Body, i, len(reading.Parts), err)
			return nil
		}
		data, err := io.ReadAll(p)
		if err != nil {
			c.disagree("%q: part %d: %v", reading.Body, i, err)
			return nil
		}
		if difference := reading.Parts[i].difference(p, data); difference != "" {
			c.disagree("%q: part %d: %s", reading.Body, i, difference)
			return nil
		}
	}
}
