module obscheck.invalid/filebeat-7.12

go 1.21

require github.com/elastic/beats/v7 v7.12.1
