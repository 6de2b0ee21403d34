// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"

	cmds "github.com/ipfs/go-ipfs-cmds"
	cmdshttp "github.com/ipfs/go-ipfs-cmds/http"
	"github.com/ipfs/kubo/core/commands"
)

// recording is what a command would have been run with.
type recording struct {
	path      string
	arguments []string
	options   map[string]string // each value as text, lists joined by NUL
}

// kubo is Kubo's HTTP handler over its own table of commands, each of which only records its call.
type kubo struct {
	handler  http.Handler
	last     *recording
	defaults map[string]map[string]string
}

func newKubo() *kubo {
	k := &kubo{defaults: map[string]map[string]string{}}
	config := cmdshttp.NewServerConfig()
	config.APIPath = "/api/v0"
	k.handler = cmdshttp.NewHandler(nil, k.stub(commands.Root), config)
	return k
}

func (k *kubo) stub(command *cmds.Command) *cmds.Command {
	stub := &cmds.Command{Options: command.Options, Arguments: command.Arguments, NoRemote: command.NoRemote}
	if command.Run != nil {
		stub.Run = k.record
	}
	if command.Subcommands != nil {
		stub.Subcommands = map[string]*cmds.Command{}
		for name, sub := range command.Subcommands {
			stub.Subcommands[name] = k.stub(sub)
		}
	}
	return stub
}

func asText(value any) string {
	if list, ok := value.([]string); ok {
		return strings.Join(list, "\x00")
	}
	return fmt.Sprint(value)
}

func (k *kubo) record(req *cmds.Request, re cmds.ResponseEmitter, env cmds.Environment) error {
	if err := req.ParseBodyArgs(); err != nil {
		return err
	}
	options := map[string]string{}
	for name, value := range req.Options {
		options[name] = asText(value)
	}
	k.last = &recording{strings.Join(req.Path, "/"), req.Arguments, options}
	return nil
}

// call lets Kubo read a request; nil: it refused it.
func (k *kubo) call(target []byte, body []byte, boundary string) (*recording, string) {
	var raw bytes.Buffer
	fmt.Fprintf(&raw, "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n", target, len(body))
	if len(body) > 0 {
		fmt.Fprintf(&raw, "Content-Type: multipart/form-data; boundary=%s\r\n", boundary)
	}
	raw.WriteString("\r\n")
	raw.Write(body)
	request, err := http.ReadRequest(bufio.NewReader(&raw))
	if err != nil {
		return nil, err.Error()
	}
	k.last = nil
	answer := httptest.NewRecorder()
	k.handler.ServeHTTP(answer, request)
	return k.last, fmt.Sprintf("%d %s", answer.Code, strings.TrimSpace(answer.Body.String()))
}

// defaultsOf are the options of a command that nobody gave.
func (k *kubo) defaultsOf(path string) map[string]string {
	if known, ok := k.defaults[path]; ok {
		return known
	}
	defaults := map[string]string{cmds.EncLong: "json"}
	definitions, err := commands.Root.GetOptions(strings.Split(path, "/"))
	if err != nil {
		panic(err)
	}
	for _, option := range definitions {
		if option.Default() != nil && option.Name() != cmds.EncLong {
			defaults[option.Name()] = asText(option.Default())
		}
	}
	k.defaults[path] = defaults
	return defaults
}

// known tells whether the command has an option of that name, and whether it is a global one that
// must never be passed on.
func (k *kubo) known(path, name string) (known, stripped bool) {
	definitions, err := commands.Root.GetOptions(strings.Split(path, "/"))
	if err != nil {
		panic(err)
	}
	switch name {
	case "repo-dir", "config-file", "config", "debug", "help", "h", "api", "api-auth", "stream-channels":
		stripped = true
	}
	_, known = definitions[name]
	return known, stripped
}

type tableArgument struct {
	Name     string `json:"name"`
	Required bool   `json:"required"`
	Many     bool   `json:"many"`
	File     bool   `json:"file"`
	Stdin    bool   `json:"stdin"`
}

type tableOption struct {
	Names []string `json:"names"`
	Type  string   `json:"type"`
}

type tableCommand struct {
	Path      string          `json:"path"`
	Runs      bool            `json:"runs"`
	Local     bool            `json:"local"`
	Arguments []tableArgument `json:"arguments"`
	Options   []tableOption   `json:"options"` // inherited ones included, global ones not
}

func printCatalogue() {
	var table []tableCommand
	var walk func(path []string, command *cmds.Command, inherited []tableOption, local bool)
	walk = func(path []string, command *cmds.Command, inherited []tableOption, local bool) {
		local = local || command.NoRemote
		options := append([]tableOption{}, inherited...)
		if len(path) > 0 {
			for _, option := range command.Options {
				options = append(options, tableOption{option.Names(), option.Type().String()})
			}
			row := tableCommand{strings.Join(path, "/"), command.Run != nil, local, []tableArgument{}, options}
			for _, a := range command.Arguments {
				row.Arguments = append(row.Arguments,
					tableArgument{a.Name, a.Required, a.Variadic, a.Type == cmds.ArgFile, a.SupportsStdin})
			}
			table = append(table, row)
		}
		for name, sub := range command.Subcommands {
			walk(append(append([]string{}, path...), name), sub, options, local)
		}
	}
	walk(nil, commands.Root, nil, false)
	if err := json.NewEncoder(os.Stdout).Encode(table); err != nil {
		panic(err)
	}
}
