package main

import (
	"context"
	"errors"
	"io"
	"net/http"

	"picus/clients/generated/openapi"
	"picus/clients/given"
)

type generated struct {
	*openapi.ItemsAPIService
}

func main() {
	configuration := openapi.NewConfiguration()
	configuration.Servers = openapi.ServerConfigurations{{URL: given.Base()}}
	given.Story("openapi-generator go", generated{openapi.NewAPIClient(configuration).ItemsAPI})
}

func (api generated) Put(item given.Item, key string) (string, error) {
	request := api.PutItem(context.Background()).RequestBody(item)
	if key != "" {
		request = request.IdempotencyKey(key)
	}
	stored, _, err := request.Execute()
	if err != nil {
		return "", err
	}
	return stored.ObjectId, nil
}

func (api generated) Get(key string) (string, error) {
	_, response, err := api.GetItem(context.Background(), key).Execute()
	return text(response, err)
}

func (api generated) Page(limit int32, cursor string) (string, string, error) {
	request := api.ListItems(context.Background()).Limit(limit)
	if cursor != "" {
		request = request.Cursor(cursor)
	}
	_, response, err := request.Execute()
	page, err := text(response, err)
	if err != nil {
		return "", "", err
	}
	return page, response.Header.Get("Link"), nil
}

func (api generated) Delete(key string) (string, error) {
	deleted, _, err := api.DeleteItem(context.Background(), key).Execute()
	if err != nil {
		return "", err
	}
	return deleted.Message, nil
}

func (api generated) Refusal(key string) (int, string, error) {
	_, response, err := api.GetItem(context.Background(), key).Execute()
	var refused *openapi.GenericOpenAPIError
	if !errors.As(err, &refused) {
		return 0, "", err
	}
	failure, _ := refused.Model().(openapi.ErrorBody)
	return response.StatusCode, string(failure.Code), nil
}

// text is the body, which the client leaves to be read again.
func text(response *http.Response, err error) (string, error) {
	if err != nil {
		return "", err
	}
	body, err := io.ReadAll(response.Body)
	return string(body), err
}
