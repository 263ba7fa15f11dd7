module obscheck.invalid/filebeat

go 1.21

require github.com/elastic/beats/v7 v7.17.20
