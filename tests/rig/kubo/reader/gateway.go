// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/ipfs/go-cid"
)

// What every /ipns name stands for here.
const resolvedPath = "/ipfs/bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354/end"

// What the gateway lets Kubo wait where one answer follows one wait: 95 % of limits.upstream_head_timeout.
const injectedTimeout = "57000ms"

var injected = []string{"block/get", "block/stat", "dag/get", "dag/resolve", "files/stat", "name/resolve", "resolve"}

// What reads far more than it answers goes upstream with the option offline.
func (c *call) isWalk() bool {
	options := map[string]string{"recursive": "false", "size": "true", "resolve-type": "true", "with-local": "false"}
	for _, option := range c.Options {
		options[option.Name] = string(option.Text)
	}
	switch c.Command {
	case "dag/export", "dag/stat", "object/diff":
		return true
	case "refs":
		return options["recursive"] == "true"
	case "ls":
		return options["size"] == "true" || options["resolve-type"] == "true"
	case "files/stat":
		return options["with-local"] == "true"
	}
	return false
}

// What the gateway answers itself; what it asks the storage meanwhile are commands of its own about the same objects.
var ledgers = []string{"pin/add", "pin/ls", "pin/rm", "pin/update", "pin/verify"}

var ofLedgers = []string{"resolve", "pin/ls", "pin/add", "pin/rm", "dag/stat", "block/stat"}

// Nothing escaped that need not be, and no lower-case digits.
var canonical = regexp.MustCompile(`^/api/v0/[a-z0-9/-]+(\?([A-Za-z0-9_.~/:=&-]|%[0-9A-F]{2})*)?$`)

// What no HTTP request has in its target.
var notOfURI = regexp.MustCompile(`[^!-~]|["<>\\^{|}]|` + "`")

// What is refused of uploads that could be read.
var upload = regexp.MustCompile("makes pieces below|cannot be read: it is size-BYTES|what is pinned is read from the reply|pin name is")

// What no gateway lets through, whatever it allows.
var never = regexp.MustCompile("is not available|the class 'admin' is not in")

// arrival is a request as the storage behind the gateway got it.
type arrival struct {
	target  string
	headers http.Header
	body    []byte
	read    *recording // nil: Kubo would have refused it
	answer  string
	claimed bool
}

// storage stands behind the gateway: it lets Kubo read what arrives, and answers with its number.
type storage struct {
	readers  sync.Pool
	lock     sync.Mutex
	arrivals []*arrival
	pinned   map[string]bool // the objects that pin commands were about, as CIDs of version 1
}

// expect notes what the gateway may ask about for a call that it answers itself.
func (s *storage) expect(c *call) {
	s.lock.Lock()
	defer s.lock.Unlock()
	for _, a := range c.Arguments {
		if root, err := cid.Cast(a.Root); err == nil {
			s.pinned[asVersion1(root)] = true
		}
	}
}

func asVersion1(c cid.Cid) string {
	return cid.NewCidV1(c.Type(), c.Hash()).KeyString()
}

// isOwn tells whether a request nobody sent is one that the gateway may make: about a name, or an object of a pin command.
func (s *storage) isOwn(a *arrival) bool {
	if a.read == nil || len(a.read.arguments) != 1 || !canonical.MatchString(a.target) || len(a.body) > 0 ||
		!slices.Contains(ofLedgers, a.read.path) {
		return false
	}
	text := a.read.arguments[0]
	if a.read.path == "resolve" && a.read.options["recursive"] == "true" && strings.Contains(strings.ToLower(text), "ipns") {
		return true
	}
	root, err := cid.Decode(strings.Split(strings.TrimPrefix(text, "/ipfs/"), "/")[0])
	return err == nil && (s.pinned[asVersion1(root)] || strings.Contains(resolvedPath, root.String()))
}

func (s *storage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	k := s.readers.Get().(*kubo)
	body, _ := io.ReadAll(r.Body)
	_, parameters, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	read, answer := k.call([]byte(r.RequestURI), body, parameters["boundary"])
	s.readers.Put(k)

	s.lock.Lock()
	number := len(s.arrivals)
	s.arrivals = append(s.arrivals, &arrival{r.RequestURI, r.Header, body, read, answer, false})
	s.lock.Unlock()

	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"Number":%d,"Path":"%s"}`, number, resolvedPath)
}

func (s *storage) claim(number int) *arrival {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.arrivals[number].claimed = true
	return s.arrivals[number]
}

// silently finds what came of a call whose answer the gateway kept to itself.
func (s *storage) silently(k *kubo, c *call) string {
	s.lock.Lock()
	defer s.lock.Unlock()
	difference := "nothing arrived"
	for i := len(s.arrivals) - 1; i >= 0 && difference != ""; i-- {
		if a := s.arrivals[i]; !a.claimed && a.read != nil && a.read.path == c.Command {
			tried := *c
			tried.Options, tried.Arguments = slices.Clone(c.Options), slices.Clone(c.Arguments)
			difference = tried.arrived(k, a)
			a.claimed = difference == ""
		}
	}
	return difference
}

// isResolved tells whether the gateway looks the argument up rather than sending it as it is.
func (c *call) isResolved(a *argument) bool {
	return a.Path == "ipns" && (a.Kind == "path" || a.Kind == "cid" || a.Kind == "mfs-or-path") &&
		c.Command != "resolve" && c.Command != "name/publish"
}

func (c *call) has(option string) bool {
	for _, given := range c.Options {
		if given.Name == option {
			return true
		}
	}
	return false
}

// asSent turns a call into what the gateway makes of it, and a recording of the call as it was typed likewise.
func (c *call) asSent(typed *recording) {
	for i := range c.Arguments {
		if !c.isResolved(&c.Arguments[i]) {
			continue
		}
		c.Arguments[i].Text = hexBytes(resolvedPath)
		if typed != nil {
			typed.arguments[i] = resolvedPath
		}
	}
	// options of the gateway's own are not sent
	c.Options = slices.DeleteFunc(c.Options, func(o option) bool { return strings.HasPrefix(o.Name, "cw-") })
	c.asUpload(typed)
	if slices.Contains(injected, c.Command) && !c.has("timeout") {
		c.set(typed, "timeout", injectedTimeout)
	}
	if c.isWalk() {
		c.set(typed, "offline", "true")
	}
}

func (c *call) textOf(option string) string {
	for _, given := range c.Options {
		if given.Name == option {
			return string(given.Text)
		}
	}
	return ""
}

// asUpload turns an upload into what the gateway makes of it, which pins what it learns of the reply.
func (c *call) asUpload(typed *recording) {
	switch c.Command {
	case "add":
		keepsNothing := c.textOf("only-hash") == "true"
		pins := !keepsNothing && c.textOf("pin") != "false"
		if !pins && !keepsNothing {
			return
		}
		c.drop(typed, "pin-name")
		c.set(typed, "pin", "false")
		if pins && c.textOf("silent") == "true" {
			c.set(typed, "silent", "false")
		}
	case "dag/import":
		c.set(typed, "pin-roots", "false")
		if c.has("silent") {
			c.set(typed, "silent", "false")
		}
	case "dag/put", "block/put":
		c.set(typed, "pin", "false")
	}
}

func (c *call) drop(typed *recording, name string) {
	c.Options = slices.DeleteFunc(c.Options, func(o option) bool { return o.Name == name })
	if typed != nil {
		delete(typed.options, name)
	}
}

func (c *call) set(typed *recording, name, text string) {
	c.Options = slices.DeleteFunc(c.Options, func(o option) bool { return o.Name == name })
	c.Options = append(c.Options, option{name, hexBytes(text)})
	if typed != nil {
		typed.options[name] = text
	}
}

// formOf tells what is not canonical about a request; "" if it is in the one form.
func (c *call) formOf(a *arrival) string {
	if !canonical.MatchString(a.target) {
		return "not in canonical form"
	}
	_, query, _ := strings.Cut(a.target, "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		return err.Error()
	}
	for name := range values {
		if name != "arg" && !c.has(name) {
			return "option " + name + " by another name"
		}
	}
	for name := range a.headers {
		switch name {
		case "User-Agent", "Content-Length", "Content-Type", "Transfer-Encoding":
		default:
			return "header " + name
		}
	}
	if c.NeedsFile && !bytes.Equal(a.body, []byte(file)) {
		return "another body"
	}
	return ""
}

// arrived compares what the storage got with the call, and with what Kubo reads in the call as it was typed.
func (c *call) arrived(k *kubo, a *arrival) string {
	rawBody := []byte(c.RawBody)
	if c.NeedsFile {
		rawBody = []byte(file)
	}
	typed, _ := k.call(c.Raw, rawBody, "B")
	if typed != nil {
		typed = fromRaw(typed)
	}
	c.asSent(typed)
	if a.read == nil {
		return "Kubo answers " + a.answer
	}
	if difference := c.difference(k, a.read); difference != "" {
		return difference
	}
	if len(a.read.options) != len(c.options(k)) {
		return fmt.Sprintf("more options: %q", a.read.options)
	}
	if typed != nil {
		if difference := c.difference(k, typed); difference != "" {
			return "as typed: " + difference
		}
	}
	return c.formOf(a)
}

// member sends calls to the gateway, one after the other on one connection.
type member struct {
	address    string
	connection net.Conn
	reader     *bufio.Reader
}

func (m *member) send(c *call) (int, string, error) {
	body := []byte(c.RawBody)
	if c.NeedsFile {
		body = []byte(file)
	}
	if m.connection == nil {
		connection, err := net.Dial("tcp", m.address)
		if err != nil {
			return 0, "", err
		}
		m.connection, m.reader = connection, bufio.NewReader(connection)
	}
	var request bytes.Buffer
	fmt.Fprintf(&request, "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n", c.Raw, len(body))
	if len(body) > 0 {
		request.WriteString("Content-Type: multipart/form-data; boundary=B\r\n")
	}
	request.WriteString("\r\n")
	request.Write(body)
	if _, err := m.connection.Write(request.Bytes()); err != nil {
		return 0, "", err
	}
	answer, err := http.ReadResponse(m.reader, nil)
	if err != nil {
		return 0, "", err
	}
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, "", err
	}
	if answer.Close {
		m.connection.Close()
		m.connection = nil
	}
	return answer.StatusCode, string(text), nil
}

// check sends one call and says what is wrong with what came of it.
func (m *member) check(k *kubo, s *storage, c *call, count *gatewayCounts) string {
	if slices.Contains(ledgers, c.Command) {
		s.expect(c)
	}
	status, text, err := m.send(c)
	if err != nil {
		m.connection = nil
		return err.Error()
	}
	if slices.Contains(ledgers, c.Command) && (status == 200 || status == 500 || status == 502 || status == 504) {
		count.answered++
		return ""
	}
	if status == 200 && text == "" && c.Command == "add" && c.textOf("silent") == "true" {
		count.arrived++
		return s.silently(k, c)
	}
	if status == 400 && strings.Contains(text, "cw-label: ") && c.has("cw-label") {
		count.answered++
		return ""
	}
	var answer struct {
		Number  *int
		Message string
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		return fmt.Sprintf("%d %s", status, text)
	}
	switch {
	case answer.Number != nil && c.Command == "":
		return "what was to be refused arrived as " + s.claim(*answer.Number).target
	case answer.Number != nil:
		count.arrived++
		return c.arrived(k, s.claim(*answer.Number))
	case status == 200 && c.Command == "commands":
		count.answered++
	case status >= 400 && status <= 500 && c.Command == "":
		count.refused++
	case status == 400 && notOfURI.Match(c.Raw):
		count.refused++
	case status >= 400 && upload.MatchString(answer.Message):
		count.refused++
	case status == 403 && never.MatchString(answer.Message):
		count.never++
	default:
		return fmt.Sprintf("%d %s", status, text)
	}
	return ""
}

type gatewayCounts struct {
	arrived, refused, never, answered int
}

func (total *gatewayCounts) add(other gatewayCounts) {
	total.arrived += other.arrived
	total.refused += other.refused
	total.never += other.never
	total.answered += other.answered
}

// checkGateway sends the calls of stdin to the gateway, whose storage it is itself. It prints every disagreement and a
// last line with counts, and tells whether all agreed.
func checkGateway(address, storageAddress string) bool {
	const members = 16
	s := &storage{pinned: map[string]bool{}, readers: sync.Pool{New: func() any { return newKubo() }}}
	listener, err := net.Listen("tcp", storageAddress)
	if err != nil {
		fmt.Println(err)
		return false
	}
	go http.Serve(listener, s)

	var total gatewayCounts
	var done sync.WaitGroup
	var lock sync.Mutex
	checked := &checker{}
	lines := make(chan []byte, members)
	for range members {
		done.Add(1)
		go func() {
			defer done.Done()
			var count gatewayCounts
			k, m := newKubo(), &member{address: address}
			for line := range lines {
				var c call
				if err := json.Unmarshal(line, &c); err != nil {
					panic(err)
				}
				raw := c.Raw
				if difference := m.check(k, s, &c, &count); difference != "" {
					lock.Lock()
					checked.disagree("%q: %s", raw, difference)
					lock.Unlock()
				}
			}
			lock.Lock()
			total.add(count)
			lock.Unlock()
		}()
	}
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	for {
		line, err := in.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			lines <- line
		}
		if err != nil {
			break
		}
	}
	close(lines)
	done.Wait()
	s.checkLookups(checked)
	fmt.Printf("%d arrived, %d refused, %d never let through, %d answered by the gateway, %d names looked up, %d disagreed\n",
		total.arrived, total.refused, total.never, total.answered, len(s.arrivals)-total.arrived, checked.disagreed)
	return checked.disagreed == 0 && total.arrived > total.refused && len(s.arrivals) > total.arrived
}

// checkLookups looks at what arrived besides the calls: names that were looked up, and objects of pin commands.
func (s *storage) checkLookups(checked *checker) {
	for _, a := range s.arrivals {
		if a.claimed {
			continue
		}
		if !s.isOwn(a) {
			checked.disagree("arrived though nobody sent it: %s", a.target)
		}
	}
}
