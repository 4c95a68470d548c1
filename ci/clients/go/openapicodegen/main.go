package main

import (
	"context"
	"fmt"

	"picus/clients/generated/oapicodegen"
	"picus/clients/given"
)

type generated struct {
	*oapicodegen.ClientWithResponses
}

func main() {
	client, err := oapicodegen.NewClientWithResponses(given.Base())
	if err != nil {
		panic(err)
	}
	given.Story("oapi-codegen", generated{client})
}

func (client generated) Put(item given.Item, key string) (string, error) {
	var parameters oapicodegen.PutItemParams
	if key != "" {
		parameters.IdempotencyKey = &key
	}
	answer, err := client.PutItemWithResponse(context.Background(), &parameters, item)
	if err != nil {
		return "", err
	}
	if answer.JSON201 == nil {
		return "", fmt.Errorf("%s: %s", answer.Status(), answer.Body)
	}
	return answer.JSON201.ObjectId.String(), nil
}

func (client generated) Get(key string) (string, error) {
	answer, err := client.GetItemWithResponse(context.Background(), key, &oapicodegen.GetItemParams{})
	if err != nil {
		return "", err
	}
	return string(answer.Body), nil
}

func (client generated) Page(limit int32, cursor string) (string, string, error) {
	parameters := oapicodegen.ListItemsParams{Limit: &limit}
	if cursor != "" {
		parameters.Cursor = &cursor
	}
	answer, err := client.ListItemsWithResponse(context.Background(), &parameters)
	if err != nil {
		return "", "", err
	}
	return string(answer.Body), answer.HTTPResponse.Header.Get("Link"), nil
}

func (client generated) Delete(key string) (string, error) {
	answer, err := client.DeleteItemWithResponse(context.Background(), key, &oapicodegen.DeleteItemParams{})
	if err != nil {
		return "", err
	}
	return answer.JSON200.Message, nil
}

func (client generated) Refusal(key string) (int, string, error) {
	answer, err := client.GetItemWithResponse(context.Background(), key, &oapicodegen.GetItemParams{})
	if err != nil {
		return 0, "", err
	}
	return answer.StatusCode(), string(answer.JSON404.Code), nil
}
