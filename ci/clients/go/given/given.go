// Package given is what both drivers share: the item, and the story that every client has to make work.
package given

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"
)

type Item = map[string]any

// Client is what a generated client has to make work.
type Client interface {
	Put(item Item, idempotencyKey string) (id string, err error)
	// Get and Page answer with the text of the body.
	Get(key string) (string, error)
	Page(limit int32, cursor string) (text, link string, err error)
	Delete(key string) (message string, err error)
	Refusal(key string) (status int, code string, err error)
}

func Base() string { return os.Getenv("PICUS") }

// Read keeps every digit, in a json.Number: without it each number is a float64.
func Read[T any](text string) (value T) {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	check(decoder.Decode(&value))
	return value
}

var next = regexp.MustCompile(`<([^>]*)>; *rel="next"`)

// cursor is that of a `Link: </picus/list?limit=2&cursor=…>; rel="next"`.
func cursor(link string) string {
	found := next.FindStringSubmatch(link)
	if found == nil {
		return ""
	}
	address, err := url.Parse(found[1])
	check(err)
	return address.Query().Get("cursor")
}

func Story(name string, client Client) {
	text, err := os.ReadFile("../item.json")
	check(err)
	item := Read[Item](string(bytes.TrimSpace(text)))

	key := fmt.Sprintf("%s-%d", strings.ReplaceAll(name, " ", "-"), time.Now().UnixNano())
	id := must(client.Put(item, key))
	require(must(client.Put(item, key)) == id, "the same put again is the same item")
	got := Read[Item](must(client.Get(id)))
	require(got["object_id"] == id, "an item has its object_id")
	delete(got, "object_id")
	require(reflect.DeepEqual(got, item), fmt.Sprintf("%v is what was put", got))

	ids := []string{id, must(client.Put(Item{"n": 2}, "")), must(client.Put(Item{"n": 3}, ""))}
	var listed []string
	pages, after := 0, ""
	for pages == 0 || after != "" {
		page, link, err := client.Page(2, after)
		check(err)
		for _, item := range Read[[]Item](page) {
			listed = append(listed, item["object_id"].(string))
		}
		pages, after = pages+1, cursor(link)
	}
	require(pages >= 2, "the list has two pages")
	for _, id := range ids {
		require(slices.Contains(listed, id), id+" is listed")
		require(strings.Contains(must(client.Delete(id)), "deleted successfully"), id+" is deleted")
	}

	status, code, err := client.Refusal(id)
	check(err)
	require(status == 404 && code == "item_not_found", fmt.Sprint("refused with ", status, code))
	fmt.Printf("%s: works\n", name)
}

func must[T any](value T, err error) T {
	check(err)
	return value
}

func check(err error) { require(err == nil, fmt.Sprint(err)) }

func require(holds bool, what string) {
	if !holds {
		panic(what)
	}
}
