use super::*;

fn asked(body: &str) -> Asked {
    read(body.as_bytes())
}

#[test]
fn it_reads_what_matters_and_survives_the_rest() {
    let body = r#"{"messages":[{"role":"user","content":"\"model\":\"no\""}],"model":"gp\u0074-4o","stream":true,"max_tokens":5}"#;
    let expected =
        Asked { model: Some("gpt-4o".into()), stream: Some(true), max_output: Some(5), include_usage: false };
    assert_eq!(asked(body), expected);
    assert!(asked(r#"{"stream_options":{"include_usage":true}}"#).include_usage);
    assert_eq!(
        asked(r#"{"stream":"yes","max_tokens":-1,"model":"m"}"#),
        Asked { model: Some("m".into()), ..Asked::default() }
    );
    for broken in ["", "[]", r#"["m",true,1,2,3,{}]"#, "null", "{", "\u{0}", r#"{"model":"#] {
        assert_eq!(asked(broken), Asked::default(), "{broken}");
    }
}

#[test]
fn usage_is_asked_for_without_touching_other_bytes() {
    let spliced = |body: &str| {
        let out = ask_for_usage(&Bytes::copy_from_slice(body.as_bytes())).unwrap();
        assert!(read(&out).include_usage);
        String::from_utf8(out.to_vec()).unwrap()
    };
    assert_eq!(
        spliced(" {  \"b\" : 1.0 , \"a\":2}\n"),
        " {\"stream_options\":{\"include_usage\":true},  \"b\" : 1.0 , \"a\":2}\n"
    );
    assert_eq!(spliced("{ }"), "{\"stream_options\":{\"include_usage\":true} }");
    assert_eq!(
        spliced(r#"{"a":1, "stream_options" : null ,"b":"{"}"#),
        r#"{"a":1, "stream_options" : {"include_usage":true} ,"b":"{"}"#
    );
    let out = spliced(r#"{"stream_options":{"include_obfuscation":false,"include_usage":false},"b":2}"#);
    assert!(out.contains("include_obfuscation") && out.ends_with(r#","b":2}"#), "{out}");
    for array in ["[1]", r#"["m",{}]"#, r#"["m",true,1,2,3,{"include_usage":false}]"#] {
        assert_eq!(ask_for_usage(&Bytes::from_static(array.as_bytes())), None, "{array}");
    }
    assert_eq!(ask_for_usage(&Bytes::from_static(br#"{"stream_options":7}"#)), None);
}

#[test]
fn another_model_changes_nothing_else() {
    let put = |body: &str, model: &str| {
        let whole = Bytes::copy_from_slice(body.as_bytes());
        let out = with_model(&whole, Some(model))?;
        assert_eq!(with_model(&whole, None), Some(whole));
        assert_eq!(read(&out).model.as_deref(), Some(model));
        Some(String::from_utf8(out.to_vec()).unwrap())
    };
    let body =
        " {\"a\": 1.0 ,\r\n\"model\" :\t\"gp\\u0074-4o\", \"x\":{\"model\":\"gpt-4o\"},\"n\":1e400 }\n";
    let expected = body.replace("\"gp\\u0074-4o\"", "\"llama/3.3\"");
    assert_eq!(put(body, "llama/3.3").as_deref(), Some(expected.as_str()));
    assert_eq!(put(r#"{"model":"a"}"#, "q\"\\").as_deref(), Some(r#"{"model":"q\"\\"}"#));
    for bad in [
        "",
        "[]",
        "{}",
        r#"{"model":null}"#,
        r#"{"model":{"a":1}}"#,
        r#"{"model":"a","model":"b"}"#,
        r#"{"model":"a""#,
        r#"{"x":{"model":"a"}}"#,
    ] {
        assert_eq!(put(bad, "m"), None, "{bad}");
        assert_eq!(with_model(&Bytes::from_static(bad.as_bytes()), None), None, "{bad}");
    }
}
