// The client of go-smtp.
//
// go_smtp_client PORT FILE RECIPIENTS, and then numbers on the standard input.
package main

import (
	"bufio"
	"fmt"
	"io/ioutil"
	"log"
	"os"
	"strconv"

	"github.com/emersion/go-smtp"
)

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func send(client *smtp.Client, recipients []string, body []byte) error {
	if err := client.Mail("sender@example.org", nil); err != nil {
		return err
	}
	for _, each := range recipients {
		if err := rcpt(client, each); err != nil {
			return err
		}
	}
	writer, err := client.Data()
	if err != nil {
		return err
	}
	if _, err := writer.Write(body); err != nil {
		return err
	}
	return writer.Close()
}

func main() {
	body, err := ioutil.ReadFile(os.Args[2])
	check(err)
	count, err := strconv.Atoi(os.Args[3])
	check(err)
	recipients := make([]string, count)
	for n := range recipients {
		recipients[n] = fmt.Sprintf("recipient%d@example.net", n)
	}
	client, err := smtp.Dial("127.0.0.1:" + os.Args[1])
	check(err)
	orders := bufio.NewScanner(os.Stdin)
	for orders.Scan() {
		left, err := strconv.Atoi(orders.Text())
		check(err)
		for ; left > 0; left-- {
			check(send(client, recipients, body))
		}
		fmt.Println("done")
	}
	check(client.Quit())
}
